"""The REST API: thin doors over the same functions that the pages call. No rule is written here.

``app`` puts everything together. ``service`` holds what all requests of a process share: settings, store, model, line.
``callers`` finds out who calls, from the key of the request, and ``rates`` counts the calls. ``bodies`` limits and
reads what is sent, ``work`` puts the computing into the line of the server, ``problems`` turns errors into answers.
``logs`` writes one line for each request. ``shapes`` are the answers as types, and ``answers`` fills them.
``pieces_of_library`` reads the library. ``openapi`` writes the description of the API. The folder ``routes`` has one
module for each group of addresses.
"""
