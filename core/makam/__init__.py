"""The melody of a recording in commas, its karar (tonic) and its makam.

``melody`` is the pitch of a recording over time; ``synthesis`` plays scores, so that the right answer is known.
"""
