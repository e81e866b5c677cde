"""The published table and tables of that shape: fetch, read, clean, check, split, explore.

published, loading, table : the UCI table, the choice of the table to use, and the type `Table`.
csv_reading, cells, parsing, label_codes, cleaning, user_tables : tables that users provide.
near_duplicates, split : clips of one recording, and the held-out clips for the final test.
matching : the row of a table that a clip belongs to, by its features.
stages : fetch, clean and split as steps from file to file.
contracts : what each column of a table must hold, for those who hand tables over.
stand_in : a synthetic table for machines that cannot download the published one.
exploration, quality : statistics of a table, and counts of its errors.
"""
