"""Choose pieces of a library by mood and make playlists.

pieces, selection, circle, sound : the pieces, filters, the circle of moods, similar sound.
playlist, one_mood, iso_path : playlists of one mood, and paths from one mood to another.
client_lists, sessions, session_history : a client's rules for pieces, stored sessions, what happened in them.
files, levelled_copies, session_sheet : playlist files, copies at equal loudness, the sheet for a therapy session.
"""
