"""Sources of music and of its data: list what is there, find what is new, and fetch sound where it is allowed.

protocol : what each source must offer, and the errors.
web : questions to web services, with patience and limits.  downloads : sound from addresses that a list names.
folders, track_lists, musicbrainz, spotify, youtube : the sources.
names : from the name that a person types to the source.
ingest : one run over a source, which goes on where the last one stopped.
"""
