"""Codes to search: random ones, clustered ones, and learned ones.

Decides what "clustered" means, and how a few thousand learned codes stand for millions. Does not know what is searched with.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from model.codes import UInt8


def uniform(n_codes: int, n_bits: int) -> UInt8:
    """Returns (n_codes, n_bits / 8) codes of independent bits."""
    return np.random.default_rng(0).integers(0, 256, (n_codes, n_bits // 8), dtype=np.uint8)


def clustered(n_codes: int, n_bits: int) -> UInt8:
    """Returns codes around n_codes / 1000 random centres whose sizes follow Zipf's law; each bit is flipped with p = 1/16."""
    random = np.random.default_rng(0)
    n_centres = max(n_codes // 1000, 1)
    sizes = 1 / np.arange(1, n_centres + 1)
    centres = random.integers(0, 256, (n_centres, n_bits // 8), dtype=np.uint8)
    return centres[random.choice(n_centres, n_codes, p=sizes / sizes.sum())] ^ _flips(random, n_codes, n_bits, 1 / 16)


def learned(n_codes: int, real: UInt8) -> UInt8:
    """Returns as many codes as wanted that lie like real ones.

    Each is a real code of which every bit may have been taken from another real one, drawn among its 16 nearest: so a bit varies
    only where codes nearby differ, and bits that never differ there never do here.

    Args:
        n_codes: How many.
        real: (N, n_bits / 8) uint8, codes that a bundle gave to real data.

    Returns:
        (n_codes, n_bits / 8) uint8.
    """
    random = np.random.default_rng(0)
    base, neighbours = random.integers(0, len(real), n_codes), _nearest(real, 16)
    other = neighbours[base, random.integers(0, neighbours.shape[1], n_codes)]
    mask = random.integers(0, 256, (n_codes, real.shape[1]), dtype=np.uint8)
    return real[base] ^ ((real[base] ^ real[other]) & mask)


def real_codes(bundle: Path, data: Path, n_texts: int = 2_000) -> UInt8:
    """Encodes captions of a data set that the bundle was not trained on.

    Args:
        bundle: Folder of an encoder bundle.
        data: Folder of pairs; its gallery is read.
        n_texts: At most so many different captions.

    Returns:
        (N, n_bits / 8) uint8.
    """
    from model.bundle import EncoderBundle
    from model.codes import pack_codes, sign_codes
    from training.datasets import load_pairs

    encoder = EncoderBundle.from_pretrained(bundle, local_files_only=True).encoders()["text"]
    with tempfile.TemporaryDirectory() as cache:
        texts = sorted(set(load_pairs(data, cache_dir=cache).gallery.texts))[:n_texts]
    blocks = [texts[start : start + 64] for start in range(0, len(texts), 64)]
    relaxed = [encoder.encode([encoder.prepare(text) for text in block]) for block in blocks]
    return pack_codes(sign_codes(np.concatenate(relaxed)))


def _flips(random: np.random.Generator, n_codes: int, n_bits: int, p: float) -> UInt8:
    flips = np.zeros((n_codes, n_bits // 8), np.uint8)
    for bit in range(8):
        flips |= (random.random(flips.shape, np.float32) < p).astype(np.uint8) << np.uint8(bit)
    return flips


def _nearest(codes: UInt8, n_nearest: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    from app.index import open_index

    index = open_index(8 * codes.shape[1], kind="scan")
    index.load(np.arange(len(codes)), codes)
    return np.array([[hit.row_id for hit in hits] for hits in index.search(codes, k=min(n_nearest, len(codes)))], np.int64)
