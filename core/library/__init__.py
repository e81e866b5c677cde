"""Libraries: many files found, read, measured on Dask workers, and written as tables.

find, addresses, reading, places : which files there are, and which of them a page may read.
run, cluster, workers, worker, progress : one run, its workers, what a worker does with a file.
results, sidecar, near_copies : tables of results, sidecar files, copies of one recording.
demo_library : a small synthetic library.
"""
