"""The linear floor beside the results: what plain features and ridge regression come to, without codes and without noise.

    OMP_NUM_THREADS=1 python -m bench.linear_floor --data DIR [--cache-dir DIR]

A picture is its histogram of oriented gradients and a colour histogram, a caption its TF-IDF weights. Ridge regression from either
predicts the *true* labels of the train split; how much it is shrunk is chosen by the squared error on pairs cut from train, and it
is then fitted to all of train. Predictions are clipped to [0, 1] and ranked by their inner product, queries against train and
gallery, relevance and mean as in :mod:`training.evaluation`. These are real numbers, which hardly tie. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

from model.codes import Float32, UInt8
from model.errors import DatasetError, HashingError
from training.datasets import PairDataset, PairSplits, load_pairs
from training.ranking_metrics import expected_average_precision

Float64 = npt.NDArray[np.float64]

_SIDE, _CELL, _BLOCK, _ORIENTATIONS, _LEVELS, _EPSILON = 64, 8, 2, 9, 4, 1e-3
_MAX_TERMS, _QUERIES_AT_ONCE = 5000, 100
_ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


def oriented_gradients(grey: Float32) -> Float32:
    """Returns histograms of oriented gradients: cells of 8 × 8 pixels, 9 orientations, overlapping blocks of 2 × 2 cells.

    N. Dalal and B. Triggs, Histograms of Oriented Gradients for Human Detection (2005), https://doi.org/10.1109/CVPR.2005.177:
    a pixel votes for its gradient's direction modulo 180° with the gradient's length; a block v becomes v / √(‖v‖² + ε²).

    Note: a vote goes to one orientation of one cell, not by shares to the nearest ones, and lengths are not clipped.

    Args:
        grey: (H, W) in [0, 1], both multiples of 8.

    Returns:
        ((H/8 − 1) · (W/8 − 1) · 36) float32 in [0, 1]: blocks row by row, in each its cells row by row, in each the orientations.
    """
    down, right = np.gradient(grey)
    share = np.arctan2(down, right) / np.pi % 1.0  # direction modulo 180°, in [0, 1]
    orientation = np.minimum((share * _ORIENTATIONS).astype(np.int64), _ORIENTATIONS - 1)
    n_down, n_right = grey.shape[0] // _CELL, grey.shape[1] // _CELL
    row, column = (place // _CELL for place in np.indices(grey.shape))
    place = ((row * n_right + column) * _ORIENTATIONS + orientation).ravel()
    cells = np.bincount(place, np.hypot(down, right).ravel(), minlength=n_down * n_right * _ORIENTATIONS)
    windows = np.lib.stride_tricks.sliding_window_view(cells.reshape(n_down, n_right, -1), (_BLOCK, _BLOCK), axis=(0, 1))
    blocks = windows.transpose(0, 1, 3, 4, 2).reshape(-1, _BLOCK * _BLOCK * _ORIENTATIONS)
    normed = blocks / np.sqrt((blocks**2).sum(axis=1, keepdims=True) + _EPSILON**2)
    found: Float32 = normed.astype(np.float32).ravel()
    return found


def colour_histogram(pixels: UInt8) -> Float32:
    """Returns the share of pixels in each of 4 × 4 × 4 boxes of RGB.

    Args:
        pixels: (H, W, 3) uint8.

    Returns:
        (64) float32, sum 1; red changes slowest.
    """
    red, green, blue = np.moveaxis(pixels.astype(np.int64) * _LEVELS // 256, -1, 0)
    box = ((red * _LEVELS + green) * _LEVELS + blue).ravel()
    found: Float32 = (np.bincount(box, minlength=_LEVELS**3) / box.size).astype(np.float32)
    return found


def picture_features(picture: Image.Image) -> Float32:
    """Returns both histograms of a picture, scaled to 64 × 64 pixels.

    Args:
        picture: Of any size and mode.

    Returns:
        (1828) float32 in [0, 1].
    """
    small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    grey = (np.asarray(small.convert("L")) / 255).astype(np.float32)
    return np.concatenate([oriented_gradients(grey), colour_histogram(np.asarray(small))])


def fit_predict(train: Any, labels: UInt8, others: Sequence[Any], *, seed: int = 0) -> tuple[list[Float32], float]:
    """Fits ridge regression from features to labels and predicts them.

    Args:
        train: (N, D) features, dense or sparse.
        labels: (N, C) uint8, true ones.
        others: (M, D) each, what else is predicted.
        seed: Of the cut: a tenth of train, by whose squared error α is chosen.

    Returns:
        Predictions for train and each of the others, (M, C) float32 in [0, 1]; and α.

    Raises:
        DatasetError: If there are not even two pairs.
    """
    if len(labels) < 2:
        raise DatasetError("the train split has fewer than 2 pairs: nothing to choose the regression by")
    order, n_cut = np.random.default_rng(seed).permutation(len(labels)), max(1, len(labels) // 10)
    cut, kept = order[:n_cut], order[n_cut:]
    errors = {
        alpha: float(
            ((Ridge(alpha).fit(train[kept], labels[kept]).predict(train[cut]).reshape(n_cut, -1) - labels[cut]) ** 2).mean()
        )
        for alpha in _ALPHAS
    }
    alpha = min(errors, key=errors.__getitem__)
    fitted = Ridge(alpha).fit(train, labels)
    predictions = [fitted.predict(each).reshape(-1, labels.shape[1]) for each in (train, *others)]
    return [np.clip(each, 0, 1).astype(np.float32) for each in predictions], alpha


def mean_average_precision(queries: Float32, database: Float32, relevant: npt.NDArray[np.bool_]) -> float:
    """Ranks the database by inner product, the largest first.

    Args:
        queries: (Q, C) float32.
        database: (N, C) float32.
        relevant: (Q, N); queries to which nothing is relevant are left out.

    Returns:
        mAP in [0, 1]; NaN if nothing is relevant to any query.
    """
    found: list[Float64] = []
    rows = np.flatnonzero(relevant.any(axis=1))
    for start in range(0, len(rows), _QUERIES_AT_ONCE):
        some = rows[start : start + _QUERIES_AT_ONCE]
        order = np.argsort(-(queries[some] @ database.T), axis=1, kind="stable")
        hits = np.take_along_axis(relevant[some], order, axis=1).astype(np.int64)
        found.append(expected_average_precision(np.ones_like(hits), hits))  # every place is a group of its own
    return float(np.concatenate(found).mean()) if found else float("nan")


def linear_floor(pairs: PairSplits) -> dict[str, float]:
    """Fits to the true labels of train and ranks train and gallery for every query.

    Args:
        pairs: The three splits.

    Returns:
        ``i2t``, ``t2i``, ``mean`` and ``chance`` (mean share of relevant items), and the chosen ``image_alpha`` and ``text_alpha``.

    Raises:
        DatasetError: If a picture cannot be read or nothing is relevant to any query.
    """
    splits = (pairs.train, pairs.query, pairs.gallery)
    labels = [split.true_labels.astype(np.float32) for split in splits]
    relevant = labels[1] @ np.concatenate([labels[0], labels[2]]).T > 0
    if not relevant.any():
        raise DatasetError("no query shares a label with any item of the database: there is nothing to evaluate")
    chance = float(relevant[relevant.any(axis=1)].mean())
    terms = TfidfVectorizer(max_features=_MAX_TERMS).fit(pairs.train.texts)
    alphas, queries, databases = {}, {}, {}
    for name, features in (
        ("image", [_pictures(split) for split in splits]),
        ("text", [terms.transform(split.texts) for split in splits]),
    ):
        (train, query, gallery), alphas[f"{name}_alpha"] = fit_predict(features[0], pairs.train.true_labels, features[1:])
        queries[name], databases[name] = query, np.concatenate([train, gallery])
    i2t = mean_average_precision(queries["image"], databases["text"], relevant)
    t2i = mean_average_precision(queries["text"], databases["image"], relevant)
    return {"i2t": i2t, "t2i": t2i, "mean": (i2t + t2i) / 2, "chance": chance, **alphas}


def _pictures(split: PairDataset) -> Float32:
    return np.stack([picture_features(split.image(i)) for i in range(len(split))])


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the floor and chance.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 2 a mistake of the caller's.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of a data set of pictures and captions")
    parser.add_argument(
        "--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where the reader keeps tables"
    )
    options = parser.parse_args(arguments)
    try:
        found = linear_floor(load_pairs(options.data, cache_dir=options.cache_dir))
    except (HashingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(
        "HOG and colours, TF-IDF, ridge regression onto true labels (no noise); real-valued, not codes; mAP of the whole database"
    )
    print(" · ".join(f"{name} {found[name]:.3f}" for name in ("i2t", "t2i", "mean", "chance")))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
