"""Use models: predict, decide and explain; store models and find the one in use.

prediction, policy : the probabilities of a clip, and the decision rule.
reference, kinds : summary of the training music, the check for clips that are unlike it, and what they sound like.
forests, forest_kernel : the probabilities of a forest in one compiled pass.
explanation, shapley, explanation_tables, permutation : contributions of the features to a prediction.
bundle, model_files, registry, description : model files, the MLflow registry, the description of a model.
canonical : model files whose bytes depend on the model only.
training_run, unfinished_runs : the results of one training run; what an interrupted one leaves in the registry.
"""
