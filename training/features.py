"""Features of a split: extracted once, kept on disk, taken up again after an interruption.

Decides the key under which features are kept (data digest + backbone + its weights digest, which covers preprocessing) and that
reading and preparing the next batch overlaps with the forward pass of this one. Does not know heads, or how many threads the
forward pass uses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from model.backbones.base import Backbone
from model.codes import Float32
from model.errors import DatasetError, InputError
from training.datasets import ModalityInputs
from training.feature_store import FeatureFile
from training.progress import Advance

CHECKPOINT_ROWS = 512
"""A killed process loses at most about so many rows; one that raises loses none."""


def extract_features(
    backbone: Backbone,
    inputs: ModalityInputs,
    *,
    cache_dir: str | Path,
    batch_size: int = 32,
    progress: Advance | None = None,
) -> Float32:
    """Returns the features of all inputs, from disk as far as they are there.

    Two processes that ask for the same features at once wait for each other: the second one reads what the first one wrote.

    Args:
        backbone: Frozen; its features depend on nothing but the input and what ``weights_digest`` covers.
        inputs: Pictures or texts of one split, N ≥ 1.
        cache_dir: Features are kept in its ``features`` folder.
        batch_size: Inputs of one forward pass.
        progress: Told (done, total) before the first batch and after each one; not called if all is on disk.

    Returns:
        (N, feature_dim) float32, memory-mapped and read-only.

    Raises:
        DatasetError: If an input cannot be read or prepared, or gives features that are not finite; names the item.
    """
    shape = (len(inputs.ids), backbone.feature_dim)
    file = FeatureFile(Path(cache_dir) / "features", feature_key(backbone, inputs), shape, batch_size)
    with FileLock(file.lock_path):
        found = file.finished()
        if found is None:
            _fill(file, backbone, inputs, batch_size, progress or _ignore)
            found = file.finished()
    if found is None:
        raise DatasetError(f"{cache_dir}: features could not be kept; is the disk full or another program writing there?")
    return found


def feature_key(backbone: Backbone, inputs: ModalityInputs) -> str:
    """Names the features of these inputs.

    Args:
        backbone: What extracts.
        inputs: From what.

    Returns:
        A file name without ending, different for every content, backbone or weights.
    """
    parts = "\n".join((inputs.modality, inputs.digest, backbone.name, backbone.weights_digest))
    readable = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in backbone.name)
    return f"{inputs.modality}-{readable}-{hashlib.sha256(parts.encode()).hexdigest()[:24]}"


def _fill(file: FeatureFile, backbone: Backbone, inputs: ModalityInputs, batch_size: int, progress: Advance) -> None:
    """Extracts what is missing; whatever happens, finished batches are kept."""
    file.open()
    progress(file.n_done, len(inputs.ids))
    kept = file.n_done
    try:
        for start, prepared in _prepared_batches(backbone, inputs, file.n_done, batch_size):
            file.append(_checked(backbone.extract(prepared), inputs, start))
            progress(file.n_done, len(inputs.ids))
            if file.n_done - kept >= CHECKPOINT_ROWS:
                file.checkpoint()
                kept = file.n_done
    finally:
        file.checkpoint()
    file.finish()


def _prepared_batches(backbone: Backbone, inputs: ModalityInputs, first: int, batch_size: int) -> Iterator[tuple[int, list[Any]]]:
    """Yields (position, prepared inputs), the next batch being prepared in a thread meanwhile."""

    def prepare(start: int) -> list[Any]:
        return [_prepare(backbone, inputs, i) for i in range(start, min(start + batch_size, len(inputs.ids)))]

    starts = range(first, len(inputs.ids), batch_size)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as pool:
        upcoming = [pool.submit(prepare, start) for start in starts[:1]]
        for i, start in enumerate(starts):
            prepared = upcoming.pop().result()
            upcoming = [pool.submit(prepare, later) for later in starts[i + 1 : i + 2]]
            yield start, prepared


def _prepare(backbone: Backbone, inputs: ModalityInputs, i: int) -> Any:
    try:
        return backbone.prepare(inputs.read(i))
    except (InputError, OSError, ValueError) as error:
        raise DatasetError(f"item {inputs.ids[i]!r}: its {inputs.modality} cannot be used ({error})") from error


def _checked(features: Float32, inputs: ModalityInputs, start: int) -> Float32:
    broken = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if broken.size:
        item_id = inputs.ids[start + int(broken[0])]
        raise DatasetError(f"item {item_id!r}: its {inputs.modality} gives features that are not finite")
    return features


def _ignore(done: int, total: int) -> None:
    """Reports to nobody."""
