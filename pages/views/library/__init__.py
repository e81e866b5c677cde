"""Library, Moods and Playlists."""
