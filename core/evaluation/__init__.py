"""Evaluate models: scores with intervals, comparisons, acceptance criteria, drift. All results are tables.

metrics, significance, criteria : scores, paired comparisons, acceptance criteria.
gate, shadow_test, before_after : comparison of challenger and champion.
leaderboard, run_files : the comparison of algorithms, and the files of a training run.
policy_outcomes : decisions of a policy on clips with known emotions.
drift : difference between new clips and the training music.
"""
