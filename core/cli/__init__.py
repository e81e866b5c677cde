"""The command line, one file for each family of commands.

clips : features, warm.  library : score, demo-library.  training : train, retrain, promote, rollback, triggers, mlflow.
database : backup, restore.
"""
