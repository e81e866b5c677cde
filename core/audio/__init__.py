"""Audio: decode a file to a `Clip` of mono samples, read its tags, and prepare data for drawing.

decoding : open a file, cut out its middle 30.02 s, resample them to 44.1 kHz.
containers, mpeg, free_format, ogg : length and damage of a file, read from its chunks, frames and pages.
tags, tag_text, tag_bytes, tag_atoms : artist, title, makam and more, with repaired text encoding.
drawing, spectrograms, beats : waveform, spectrograms and beats for display.
encoding, synthetic : WAV files, and synthetic demo music.
"""
