"""The demonstration: from pairs to a running search in one command, ``python -m demo`` (``make demo``).

Reads pairs through ``training.datasets``; otherwise it uses the trainer and the service as anybody would, by their command lines
and over HTTP.
"""
