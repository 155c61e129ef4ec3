"""What makes the documentation: the site's hooks, the page of HTTP operations, the pictures of how things work.

Stands outside like ``demo`` and ``bench``: may use every room, and is used by none.
"""
