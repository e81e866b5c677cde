"""Evaluate models: scores with intervals, comparisons, acceptance criteria, drift. All results are tables.

metrics, significance, class_gap : scores, paired comparisons, the cost of closing the gap between the emotions.
results : predictions with protocol, clips and model; only equal protocols and clips are compared.
evaluation_table, stored_evaluation : all figures of one model, computed once, read from its files.
criteria, gate, shadow_test, before_after : acceptance criteria, comparison of challenger and champion.
leaderboard, run_files : the comparison of algorithms, and the files of a training run.
policy_outcomes : decisions of a policy on clips with known emotions.
costs : what errors and reviews cost, by threshold.
label_doubts : labels that are probably wrong.
accepted_moods : how often accepted answers are right, in one sentence.
drift : difference between new clips and the training music.
"""
