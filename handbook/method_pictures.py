"""The pictures of ``docs/how-it-works.md``, drawn by the code that they are about: ``python -m handbook.method_pictures``.

Decides what is shown. Nothing is made up but the examples, which the captions name: codes are the shipped bundle's, curves are its
calibration's, losses, bounds and posteriors are computed by the modules that train.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from handbook.code_pictures import BITS, codes_picture, distances_picture, index_picture
from model.served import ServedBundle
from training.coding_bounds import attainable_distance, distance_range
from training.losses.margin_adaptive_triplet import level_order_loss
from training.losses.soft_contrastive import label_overlap
from training.noise_by_label import fit_noise_by_label
from training.reliability import estimate_reliability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "images" / "methods"
BUNDLE = ROOT / "bundles" / "photos-64"
_RED, _BLUE, _GREY = "#c7331b", "#2b6a8f", "#8a969a"
_STYLE: Any = {
    "svg.hashsalt": "bitlens",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def contrast_picture() -> Figure:
    """SCBCH: what attracts, what repels and how strongly, for five samples; how trust falls with wrong labels."""
    names = ["dog, grass", "dog", "dog, car", "car", "boat"]
    labels = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float32)
    overlap = label_overlap(labels).numpy()
    figure, (left, right) = _figure(2, 9.2, 3.6)
    left.imshow(overlap, cmap="Blues", vmin=0, vmax=1.3)
    for i, j in np.ndindex(overlap.shape):
        left.text(j, i, f"{1 - overlap[i, j]:.2g}", ha="center", va="center", color=_RED if overlap[i, j] == 0 else "#12191c")
    left.set_xticks(range(5), names, rotation=30, ha="right")
    left.set_yticks(range(5), names)
    left.set_title("How strongly a pair repels: 1 − overlap of labels", fontsize=9)
    rates = np.linspace(0, 0.8, 9)
    clean, noisy = zip(*(_trust(rate) for rate in rates), strict=True)
    right.plot(rates, clean, color=_BLUE, marker="o", label="samples whose labels are right")
    right.plot(rates, noisy, color=_RED, marker="o", label="samples with another's labels")
    right.set(xlabel="share of samples with wrong labels", ylabel="mean reliability", ylim=(0, 1.02))
    right.legend(frameon=False)
    return figure


def _trust(rate: float) -> tuple[float, float]:
    """Returns the mean reliability of rightly and of wrongly labelled samples, among 800 made-up ones of 8 classes."""
    rng = np.random.default_rng(0)
    classes = rng.integers(8, size=800)
    centres = rng.normal(size=(8, 64))
    images, texts = (torch.tensor(np.tanh(centres[classes] + rng.normal(size=(800, 64))), dtype=torch.float32) for _ in range(2))
    is_wrong = rng.permutation(800) < rate * 800
    given = np.where(is_wrong, (classes + rng.integers(1, 8, size=800)) % 8, classes)
    trust = estimate_reliability(images, texts, torch.eye(8)[torch.from_numpy(given)], n_neighbours=20, floor=0.0).numpy()
    return float(trust[~is_wrong].mean()), float(trust[is_wrong].mean()) if is_wrong.any() else float("nan")


def margin_picture() -> Figure:
    """RMSH: what one pair's distance costs at each level, and how large the floor may be."""
    figure, (left, right) = _figure(2, 9.2, 3.4)
    distances = np.arange(0, 41)
    for level, colour in zip((2, 1, 0), (_BLUE, "#d99a2b", _RED), strict=True):
        left.plot(
            distances, [_order_cost(float(distance), level) for distance in distances], color=colour, label=f"{level} shared labels"
        )
    left.set(xlabel="bits between the anchor and this item", ylabel="loss of order")
    left.set_title("The others: 2 shared labels at 6 bits, 1 at 18, none at 30", fontsize=9)
    left.legend(frameon=False)
    counts = np.arange(2, 256)
    low, high = zip(*(distance_range(BITS, int(n)) for n in counts), strict=True)
    right.fill_between(counts, low, high, color=_BLUE, alpha=0.15, label="may exist")
    right.plot(counts, [attainable_distance(BITS, int(n)) for n in counts], color=_BLUE, label="surely exists: the default floor δ")
    right.plot(counts, high, color=_RED, label="more is impossible")
    right.set(xlabel="codewords, one a label", ylabel=f"bits apart, of {BITS}", xscale="log", ylim=(0, 45))
    right.legend(frameon=False, loc="lower left")
    return figure


def _order_cost(distance: float, level: int) -> float:
    distances = torch.tensor([[6.0, 18.0, 30.0, float(distance)]])
    return float(level_order_loss(distances, torch.tensor([[2.0, 1.0, 0.0, float(level)]]), margin=12.0, n_bits=BITS))


def posterior_picture() -> Figure:
    """HERO: what is left of a given and of an absent label once held-out predictions have been asked."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=4000).astype(np.float32)
    true = rng.random(4000) < 1 / (1 + np.exp(-4 * scores + 2))
    figure, axes = _figure(2, 9.2, 3.4)
    for place, (axis, (off, on)) in enumerate(zip(axes, ((0.1, 0.05), (0.4, 0.2)), strict=True)):
        given = np.where(true, rng.random(4000) >= off, rng.random(4000) < on).astype(np.float32)
        found = fit_noise_by_label(scores[:, None], given[:, None])
        order = np.argsort(scores)
        for value, colour, words in ((1, _BLUE, "the label was given"), (0, _RED, "it was not")):
            kept = order[given[order] == value]
            axis.plot(scores[kept], found.probability[kept, 0], color=colour, lw=2, label=words)
        rates = f"estimated {found.false_off[0]:.0%}, {found.false_on[0]:.0%}"
        axis.set_title(f"{off:.0%} of labels lost, {on:.0%} added ({rates})", fontsize=9)
        axis.set(xlabel="score of a regression that has not seen the sample", ylim=(-0.02, 1.02))
        if place == 0:
            axis.set_ylabel("probability that the label is true")
            axis.legend(frameon=False)
    return figure


def calibration_picture() -> Figure:
    """What the shipped bundle's distances mean, with 95 % intervals and the share of relevant items at all."""
    calibration = ServedBundle.open(BUNDLE).calibration
    if calibration is None:
        raise ValueError(f"{BUNDLE} is not calibrated")
    figure, (axis,) = _figure(1, 7.2, 3.6)
    for (query, target), colour in zip((("text", "image"), ("image", "text")), (_BLUE, _RED), strict=True):
        curve = calibration.curves[query, target]
        distances = np.arange(BITS + 1)
        axis.plot(distances, curve.value, color=colour, label=f"{query} → {target}")
        axis.fill_between(distances, curve.low, curve.high, color=colour, alpha=0.2, lw=0)
    axis.axhline(curve.base_rate, color=_GREY, ls="--", lw=1)
    axis.text(BITS, curve.base_rate + 0.015, "an item at random", ha="right", color=_GREY)
    axis.set(xlabel="bits that differ", ylabel="expected precision", ylim=(0, 1.02), xlim=(0, BITS))
    axis.legend(frameon=False)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "codes": lambda: codes_picture(BUNDLE),
    "distances": lambda: distances_picture(BUNDLE),
    "index": lambda: index_picture(BUNDLE),
    "contrast": contrast_picture,
    "margin": margin_picture,
    "posterior": posterior_picture,
    "calibration": calibration_picture,
}


def _figure(n: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, n)))


def draw(folder: Path, names: list[str] | None = None) -> None:
    """Writes pictures as SVG, the same bytes each time.

    Args:
        folder: Made if absent.
        names: Of :data:`PICTURES`; None for all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or list(PICTURES):
        with mpl.rc_context(_STYLE):
            PICTURES[name]().savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m handbook.method_pictures")
    parser.add_argument("names", nargs="*", choices=[[], *PICTURES], help="by default all")
    draw(FOLDER, parser.parse_args().names)
