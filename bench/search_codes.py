"""Codes to search: random ones, clustered ones, few different ones, and learned ones.

Decides what the words mean, and how a few thousand learned codes stand for millions. Does not know what is searched with.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from bench.serve_world import captions
from model.codes import Int64, UInt8, pack_codes, sign_codes
from model.served import ServedBundle

KINDS = ("uniform", "clustered", "learned", "few")
_BLOCK = 1_000_000
_CLASSES, _DIFFERENT = 24, 1 / 16


def uniform(n_codes: int, n_bits: int) -> UInt8:
    """Returns (n_codes, n_bits / 8) codes of independent bits."""
    return np.random.default_rng(0).integers(0, 256, (n_codes, n_bits // 8), dtype=np.uint8)


def clustered(n_codes: int, n_bits: int, n_centres: int | None = None) -> UInt8:
    """Returns codes around random centres whose sizes follow Zipf's law; each bit is flipped with p = 1/16.

    Args:
        n_codes: How many.
        n_bits: Bits of one code.
        n_centres: How many centres; None for one a thousand codes.

    Returns:
        (n_codes, n_bits / 8) uint8.
    """
    random = np.random.default_rng(0)
    n_centres = n_centres or max(n_codes // 1000, 1)
    sizes = 1 / np.arange(1, n_centres + 1)
    centres = random.integers(0, 256, (n_centres, n_bits // 8), dtype=np.uint8)
    codes = centres[random.choice(n_centres, n_codes, p=sizes / sizes.sum())]
    for start in range(0, n_codes, _BLOCK):
        block = codes[start : start + _BLOCK]
        block ^= _flips(random, block.shape)
    return codes


def few(n_codes: int, n_bits: int) -> UInt8:
    """Returns codes of 24 clusters of which but one in sixteen differs from all others."""
    different = clustered(max(int(n_codes * _DIFFERENT), 1), n_bits, _CLASSES)
    return different[np.random.default_rng(1).integers(0, len(different), n_codes)]


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


@cache
def real_codes(bundle: Path, data: Path | None, n_texts: int = 2_000) -> UInt8:
    """Encodes captions: of a data set that the bundle was not trained on, or made-up ones.

    Args:
        bundle: Folder of an encoder bundle.
        data: Folder of pairs, of which the gallery's texts are read; None for captions that need no data.
        n_texts: At most so many different captions.

    Returns:
        (N, n_bits / 8) uint8.
    """
    texts = captions(n_texts) if data is None else _texts(data)[:n_texts]
    encoder = ServedBundle.open(bundle).encoders()["text"]
    blocks = [texts[start : start + 64] for start in range(0, len(texts), 64)]
    relaxed = [encoder.encode([encoder.prepare(text) for text in block]) for block in blocks]
    return pack_codes(sign_codes(np.concatenate(relaxed)))


def _texts(data: Path) -> list[str]:
    from bench.encode_inputs import read_splits  # loads torch, as reading a data set does

    return sorted(set(read_splits(data).gallery.texts))


def _flips(random: np.random.Generator, shape: tuple[int, ...]) -> UInt8:
    """Returns bytes whose bits are set with p = 1/16: four fair coins, all of them heads."""
    coins = random.integers(0, 256, (4, *shape), dtype=np.uint8)
    flips: UInt8 = np.bitwise_and.reduce(coins, axis=0)
    return flips


def _nearest(codes: UInt8, n_nearest: int) -> Int64:
    from app.index import open_index

    index = open_index(8 * codes.shape[1], kind="scan")
    index.load(np.arange(len(codes)), codes)
    return np.array([[hit.row_id for hit in hits] for hits in index.search(codes, k=min(n_nearest, len(codes)))], np.int64)
