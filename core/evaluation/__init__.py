"""How good a model is: scores with intervals, comparisons, criteria, drift. Mathematics makes a table.

metrics, significance, criteria : scores, paired comparisons, acceptance criteria.
gate, shadow_test, before_after : may a challenger replace the champion?
leaderboard, run_files : the comparison of algorithms, and the files of a training run.
policy_outcomes : what a decision rule would have accepted.
drift : whether new clips differ from the training music.
"""
