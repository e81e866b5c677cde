"""Choose pieces of a library by mood and make playlists.

pieces, selection, circle, sound : the pieces, filters, the circle of moods, similar sound.
words, never : what people say about pieces, what no playlist uses.
playlist, one_mood, iso_path : playlists of one mood, and paths from one mood to another.
wish, pulse, path_costs, path_search : the wish for a path, the tempo with its octave doubt, the search.
replacement, by_hand, pins : candidates for one place, changes by hand, pinned pieces.
remarks : what a person asked for and the list does not reach.
client_lists, sessions, session_history : a client's rules for pieces, stored sessions, what happened in them.
files, session_sheet : playlist files, the sheet for a therapy session.
playback : the sound of a piece for the player of a page.
levelled_copies, copy_file, fades : copies at equal loudness, and the fades between the pieces.
"""
