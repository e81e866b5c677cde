"""The only wiring of a clip: measure it, predict, decide, store. Every way in uses it.

measure, scoring, serving : measure a file, score a clip, load the model in use.
timeline : windows over a whole recording.
kept_audio : audio that is kept for people who label.
jobs : work in the background.
"""
