"""From a bundle with heads to one that can be served: its encoders as graphs, compared with torch on real inputs.

Decides how far a graph's codes may be from torch's. Does not know what is in a graph (`training.graphs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model.bundle import EncoderBundle
from model.bundle_folder import GRAPHS
from model.codes import Float32, UInt8
from model.encoder import TorchEncoder
from model.errors import BundleIncompatible
from model.manifest import MODALITIES
from model.preprocess import ImagePreprocess
from model.served import ServedBundle
from training.datasets import PairDataset
from training.graphs import feature_values, make_graph
from training.graphs.builder import OPSET

TOLERANCE = 1e-4
"""How far a relaxed code of the graph may be from torch's; a bit may differ only where torch's is nearer to zero."""
LEAST_EQUAL_INT8 = 0.95
"""Share of bits that an 8-bit graph must have in common with torch."""
N_SAMPLES = 256
_COLOURS = ("red", "small", "old", "shining white")
_THINGS = ("dog", "bicycle", "boat", "horse", "pair of scissors")
_PLACES = ("in the street", "on a table next to the window", "under a tree")


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs that graphs are compared with torch on.

    Attributes:
        source: What they are, for the manifest.
        images: Pictures.
        texts: Texts.
    """

    source: str
    images: Sequence[Image.Image]
    texts: Sequence[str]

    @classmethod
    def of_pairs(cls, pairs: PairDataset, source: str, n: int = N_SAMPLES) -> Samples:
        """Takes some pairs of a data set, spread over it.

        Args:
            pairs: Of the training split: the others are for judging.
            source: What they are called.
            n: At most so many.

        Returns:
            The samples.
        """
        chosen = np.linspace(0, len(pairs) - 1, min(n, len(pairs))).astype(int).tolist()
        images, texts = ([inputs.read(i) for i in chosen] for inputs in (pairs.image_inputs, pairs.text_inputs))
        return cls(f"{len(chosen)} training pairs of {source}", images, texts)

    @classmethod
    def made_up(cls, n: int = 32) -> Samples:
        """Makes inputs for where no data set is at hand: smooth noise, and sentences about things in places.

        Args:
            n: How many.

        Returns:
            The samples.
        """
        rng = np.random.default_rng(0)
        small = [Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)) for _ in range(n)]
        sentences = (f"a {colour} {thing} {place}" for place, thing, colour in product(_PLACES, _THINGS, _COLOURS))
        images = [picture.resize((320, 240), Image.Resampling.BICUBIC) for picture in small]
        return cls(f"{n} made-up pictures and sentences", images, list(islice(sentences, n)))


def add_graphs(bundle: EncoderBundle, samples: Samples, *, int8: bool = False) -> EncoderBundle:
    """Writes a bundle's encoders as graphs and compares them with torch.

    Args:
        bundle: With heads that were trained on features of backbones.
        samples: What to compare on; with ``int8`` every other picture is one that ranges are chosen by, and the rest is compared.
        int8: Whether the backbones compute with whole numbers of 8 bits: quicker, and some bits change.

    Returns:
        The bundle with graphs; its manifest tells what was found. A calibration goes along, but not with ``int8``: codes change.

    Raises:
        BackboneError: If weights are missing, or nobody knows how to write a backbone as a graph.
        BundleIncompatible: If the graphs' codes are not torch's.
    """
    files: dict[str, bytes] = {}
    weights: dict[str, str] = {}
    pixels, samples = _held_back(samples) if int8 else (None, samples)
    for name in MODALITIES:
        graph = make_graph(bundle, name, int8_samples=pixels)
        files |= {GRAPHS[name]: graph.model.SerializeToString(deterministic=True), **graph.files}
        weights |= graph.weights
    facts: dict[str, Any] = {"precision": "int8" if int8 else "fp32", "opset": OPSET, "weights": weights}
    found = _compared(bundle, bundle.with_graphs(files, facts), samples)
    if any(figures["equal_bits"] < LEAST_EQUAL_INT8 if int8 else figures["n_wrong"] for figures in found.values()):
        raise BundleIncompatible(f"the graphs do not give torch's codes on {samples.source}: {found}")
    whole = bundle.with_graphs(files, facts, {"on": samples.source, **found})
    if not int8:
        whole.label_reader = bundle.label_reader
    if bundle.calibration and not int8:
        whole.calibration = bundle.calibration.carried_to(whole.bundle_id, feature_values(whole))
    return whole


def _held_back(samples: Samples) -> tuple[list[UInt8], Samples]:
    """Divides the pictures into those that ranges are chosen by, prepared, and those that are compared."""
    preprocess = ImagePreprocess()
    return [preprocess.to_pixels(each) for each in samples.images[::2]], replace(samples, images=samples.images[1::2])


def _compared(bundle: EncoderBundle, with_graphs: EncoderBundle, samples: Samples) -> dict[str, dict[str, float]]:
    wanted, found = bundle.encoders(), ServedBundle(Path(), with_graphs.manifest, with_graphs.files).encoders()
    raw: dict[str, Sequence[Any]] = {"image": samples.images, "text": samples.texts}
    return {name: _figures(_codes(wanted[name], raw[name]), _codes(found[name], raw[name])) for name in MODALITIES}


def _codes(encoder: TorchEncoder | Any, raw: Sequence[Any]) -> Float32:
    blocks = [raw[i : i + 8] for i in range(0, len(raw), 8)]
    return np.concatenate([encoder.encode([encoder.prepare(each) for each in block]) for block in blocks])


def _figures(wanted: Float32, found: Float32) -> dict[str, float]:
    """Compares relaxed codes; a bit is wrong if it differs where torch's value is not next to zero."""
    difference, differs = np.abs(wanted - found), (wanted >= 0) != (found >= 0)
    return {
        "largest_difference": float(f"{difference.max():.1e}"),
        "equal_bits": float(1 - differs.mean()),
        "n_wrong": int((difference > TOLERANCE).sum() + (differs & (np.abs(wanted) > TOLERANCE)).sum()),
    }
