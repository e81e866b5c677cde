"""The published table and tables of that shape: fetch, read, clean, check, split, explore.

published, loading, table : the UCI table, which table is in use, and the type that holds it.
csv_reading, parsing, cleaning, user_tables : tables that people bring.
near_duplicates, split : clips that belong together, and the clips held out for the last test.
stand_in : a synthetic table for machines that cannot reach the real one.
exploration, quality : what is in a table, and what is wrong with it.
"""
