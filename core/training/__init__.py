"""Training: candidates, cross-validation, model card, retraining, promotion.

candidates, estimators, folds, run, run_tables, ablations : one training run under one protocol.
labelled_data, retraining, status, triggers, schedule : train on labels, and when a training is due.
run_evaluation, live, speed : the rows of the evaluation table of a model.
promotion, publish, card, sign_off, provenance, full_training : write, document and promote the result of a run.
"""
