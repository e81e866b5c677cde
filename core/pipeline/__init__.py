"""The pipeline of a clip: measure, predict, decide, store. Pages, libraries and the command line all use it.

measure, deciding, scoring, serving : measure a file, predict and decide, score a clip, load the model in use.
window_scoring : score the windows of a whole recording.
timeline : windows over a whole recording.
kept_audio : stored audio of clips, for people who label.
work_queue : the line in which clips and explanations wait for the processor.
jobs : background jobs.
"""
