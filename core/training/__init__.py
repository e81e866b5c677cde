"""Training: candidates, cross-validation, model card, retraining, promotion.

candidates, estimators, folds, run, run_tables, ablations : one training run under one protocol.
labelled_data, retraining, status, triggers, schedule : train on labels, and when a training is due.
run_evaluation, live, speed : the rows of the evaluation table of a model.
publish, run_folder, full_training : write the result of a run, or remove it.
stages : train, compare and card as steps from file to file.
reproduce : train a stored model again, and compare.
promotion, card, sign_off, provenance : document and promote the result of a run.
"""
