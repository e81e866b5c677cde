"""Score libraries of music: find and read many files, measure them on Dask workers, and write tables of results.

find, addresses, reading, places : list and read files, and check which folders a page may read.
run, spool, cluster, workers, worker_checks, worker, progress : one run, its Dask workers, and the work on one file.
results, result_columns, result_contract, sidecar, near_copies : tables of results, sidecar files, near-duplicates.
catalogue : results by makam, usul, era and performer, and as MusicBrainz writes recordings.
backfill : what to measure again after the extractor changed.
copies, copy_pairs : files of one recording, found in the whole library, and the pairs as a person sees them.
mood_tags, tagged_files : write moods into the tags of files; files with such a tag stay the same pieces.
verification : compare clips of the published table with its rows.
demo_library : a small synthetic library.
"""
