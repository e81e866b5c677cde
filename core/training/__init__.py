"""Training: candidates, cross-validation, model card, retraining, promotion.

candidates, estimators, folds, run, run_tables, ablations : one training run under one protocol.
labelled_data, retraining, status, triggers, schedule : train on labels, and when a training is due.
promotion, publish, card, provenance, full_training : write, document and promote the result of a run.
"""
