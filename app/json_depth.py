"""How deep JSON is nested, told from its bytes as they arrive, before anything parses them.

Decides what counts as too deep. Does not know what the JSON is about: whether it can be read at all is the parser's business.
"""

from __future__ import annotations

import numpy as np

from model.errors import InvalidRequest

MAX_JSON_DEPTH = 64
_MANY = 256  # chunks that are only counted
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class JsonDepth:
    """Follows the nesting of one JSON text.

    Args:
        max_depth: Deepest nesting that is let through.
    """

    def __init__(self, max_depth: int = MAX_JSON_DEPTH) -> None:
        self._max_depth = max_depth
        self._depth = 0
        self._in_string = False
        self._held = b""
        self._n_open = 0
        self._unread: list[bytes] = []

    def feed(self, chunk: bytes) -> None:
        """Reads on.

        Args:
            chunk: The next bytes, cut anywhere.

        Raises:
            InvalidRequest: As soon as the nesting is too deep.
        """
        self._unread.append(chunk)
        self._n_open += chunk.count(b"[") + chunk.count(b"{")
        if self._n_open > self._max_depth or len(self._unread) > _MANY:
            chunk, self._unread = b"".join(self._unread), []
            self._look_into(chunk)

    def _look_into(self, chunk: bytes) -> None:
        content = self._held + chunk
        self._held = b"\\" if (len(content) - len(content.rstrip(b"\\"))) % 2 else b""
        if self._held:
            content = content[:-1]
        pieces = content.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        outside = b"".join(pieces[self._in_string :: 2])
        self._in_string ^= len(pieces) % 2 == 0
        brackets = np.frombuffer(outside.translate(None, _NOT_BRACKETS), np.uint8)
        if brackets.size:
            # Of the four brackets' codes, those that open have the bit of value 2.
            depths = self._depth + np.cumsum((brackets & 2).astype(np.int32) - 1)
            self._depth = int(depths[-1])
            if depths.max() > self._max_depth:
                raise InvalidRequest(f"the JSON is nested deeper than {self._max_depth} levels")


def check_depth(content: bytes) -> None:
    """Reads one whole JSON text.

    Args:
        content: UTF-8.

    Raises:
        InvalidRequest: If it is nested deeper than :data:`MAX_JSON_DEPTH`.
    """
    JsonDepth().feed(content)
