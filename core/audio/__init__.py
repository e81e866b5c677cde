"""Audio: bytes of a file become a `Clip` of mono samples.

decoding : open a file, take its middle 30.02 s, resample it to 44.1 kHz.
containers : lengths and damage, read from the frames of a file.
tags : artist, title, makam and more from the file's own tags.
encoding, drawing, synthetic : WAV files, data for waveforms and spectrograms, music made by this program.
"""
