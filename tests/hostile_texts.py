"""Texts that a service must survive, each with its documented answer; ``docs/limits.md`` shows the same table.

The service they are sent to allows 2,000 characters, as by default.
"""

from __future__ import annotations

import json
from typing import NamedTuple


class HostileText(NamedTuple):
    """One case.

    Attributes:
        body: JSON of ``POST /search/text``.
        status: Of the answer.
        slug: Kind of problem, or None for an ordinary answer.
    """

    body: bytes
    status: int
    slug: str | None


def fine(text: str) -> HostileText:
    return HostileText(asking(text), 200, None)


def refused(text: str, slug: str, status: int = 422) -> HostileText:
    return HostileText(asking(text), status, slug)


def asking(text: str) -> bytes:
    return json.dumps({"query": text}).encode()


FAMILY = "👩‍👩‍👧‍👦"
TEXTS = {
    "NUL between words": fine("a\0cat"),
    "nothing but NUL": refused("\0\0\0", "empty-text"),
    "nothing at all": refused("", "empty-text"),
    "spaces of every kind": refused(" \t\n\u00a0\u2003\u3000", "empty-text"),
    "control characters and escapes of a terminal": fine("\x1b[31mred\x07\x08\x7f cat"),
    "words turned round by bidi controls": fine("\u202etac a\u202c \u2066cat\u2069"),
    "nothing but bidi controls": refused("\u202e\u202d\u2066\u2069", "empty-text"),
    "right to left": fine("قطة على العشب חתול"),
    "zero width between letters": fine("c\u200ba\u200ct\ufeff"),
    "nothing but zero width": refused("\u200b\u200c\ufeff\u2060", "empty-text"),
    "a joiner alone": refused("\u200d", "empty-text"),
    "combining marks, 1,900 on one letter": fine("a" + "\u0301" * 1_900),
    "combining marks, 3,000 on one letter": refused("a" + "\u0301" * 3_000, "invalid-request"),
    "emoji joined into families": fine(FAMILY * 100),
    "flags and keycaps": fine("🏴\U000e0067\U000e0062\U000e007f 🇩🇪 1️⃣"),
    "one word of 2,000 letters": fine("a" * 2_000),
    "one word of 2,001 letters": refused("a" * 2_001, "invalid-request"),
    "10 MB": refused("a " * 5_000_000, "request-too-large", 413),
    "a half of a surrogate pair, escaped": HostileText(b'{"query": "a \\ud800 cat"}', 200, None),
    "two halves in the wrong order": HostileText(b'{"query": "\\udc00\\ud83d"}', 422, "empty-text"),
    "bytes that are no UTF-8": HostileText(b'{"query": "\xff\xfe"}', 400, "malformed-request"),
    "half a surrogate pair as bytes": HostileText(b'{"query": "\xed\xa0\x80"}', 422, "empty-text"),
    "UTF-16": HostileText('{"query": "cat"}'.encode("utf-16"), 200, None),
    "letters that no font has": fine("\U0001f9ff\U000e0001\ue000\ufdd0\uffff cat"),
    "letters that grow when normalised": fine("\ufdfa" * 500),
    "small print that looks like other letters": fine("ｃａｔ 𝖈𝖆𝖙 сат"),
    "SQL": fine("'; DROP TABLE items; --"),
    "a format string": fine("%s%n{0.__class__}${jndi:ldap://x}"),
    "a script": fine("<script>alert(1)</script>"),
    "a path": fine("../../../../etc/passwd\\..\\.."),
    "nested 5,000 deep": HostileText(b'{"query": ' + b"[" * 5_000, 422, "invalid-request"),
    "a number of 5,000 digits": HostileText(b'{"query": "x", "k": ' + b"9" * 5_000 + b"}", 400, "malformed-request"),
    "a number too large for a double": HostileText(b'{"query": "x", "k": 1e999}', 422, "invalid-request"),
    "the same member twice": HostileText(b'{"query": "a", "query": "b"}', 200, None),
    "a member nobody knows": HostileText(b'{"query": "a", "__proto__": {}}', 422, "invalid-request"),
    "JSON with a comment": HostileText(b'{"query": "a" /* x */}', 422, "invalid-request"),
}
