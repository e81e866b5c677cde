"""The command line, one module for each family of commands.

clips : features, warm.
verification : verify.
library : score, demo-library.
ingesting, copies, tables, mood_tags : ingest, copies, catalogue, check-table, tag-moods.
training : train, retrain, promote, rollback, rescore, triggers, mlflow.
reproducing : reproduce.
stages : fetch, clean, split, train, compare, card, labels.
backfill : backfill.
canary : start, status, watch, promote, abort.
figures, reports, watching : metrics, report, watch.
database : backup, restore.
labels : export-labels, import-labels.
terminal : the progress bar, Ctrl-C, and errors as sentences.
"""
