"""Audio: decode a file to a `Clip` of mono samples, read its tags, and prepare data for drawing.

decoding : open a file, cut out its middle 30.02 s, resample them to 44.1 kHz.
containers, mpeg, free_format, ogg : length and damage of a file, read from its chunks, frames and pages.
fingerprint, matching : fingerprints by Chromaprint, and whether two of them are of one recording.
tags, tag_text, tag_bytes, tag_atoms : artist, title, makam and more, with repaired text encoding.
mood_tag (with mood_tag_id3, _mp4, _ogg, vorbis_comments, byte_edits) : write the mood into a tag, with an exact undo.
drawing, spectrograms, beats : waveform, spectrograms and beats for display.
packed : a clip as FLAC, while it waits in a session.
encoding, synthetic : WAV, MP3 and M4A files, and synthetic demo music.
"""
