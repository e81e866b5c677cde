"""Models: predict, decide, explain; how a model is stored and which one is in use.

prediction, policy : probabilities of a clip, and the decision rule.
reference : the training music, and whether a clip is unlike it.
explanation, explanation_tables, permutation : why a model says what it says.
bundle, registry, description : model files, the MLflow registry, a model in words.
training_run : everything that one training run measured.
"""
