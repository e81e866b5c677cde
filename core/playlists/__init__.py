"""Playlists: pieces of a library, chosen and ordered by mood.

pieces, selection, circle, sound : the pieces, filters, the circle of moods, similar sound.
playlist, one_mood, iso_path : lists for one mood, and paths from one mood to another.
files, levelled_copies, session_sheet : playlist files, copies at one loudness, the sheet for a session.
"""
