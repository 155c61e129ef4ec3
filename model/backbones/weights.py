"""Pretrained weight files that installed packages carry, checked against pinned digests.

Decides what "the pinned weights" means. Does not know any architecture.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from model.errors import BackboneError


def check_weights(path: Path, sha256: str) -> Path:
    """Returns the path of a weight file whose content is the pinned one.

    Args:
        path: Weight file.
        sha256: Expected digest of its bytes, hex.

    Returns:
        The same path.

    Raises:
        BackboneError: If the file is missing or its digest differs.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackboneError(
            f"weights {path.name} cannot be read ({error.strerror}); reinstall the package that carries them"
        ) from error
    if found != sha256:
        raise BackboneError(f"weights {path.name} have sha256 {found}, expected {sha256}; reinstall the package that carries them")
    return path


def digest_of(facts: Any) -> str:
    """Returns one digest over everything that determines a backbone's features.

    Args:
        facts: JSON-able: weight digests, preprocessing, pooling.

    Returns:
        sha256, hex.
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
