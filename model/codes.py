"""Binary codes: from relaxed values to signs to packed bytes, and the Hamming distance between them.

Decides the sign of zero (+1), the bit order (little, as faiss and ``numpy.packbits(bitorder="little")`` pack) and how a code
is written as text (hex of the packed bytes). Does not know how codes are made or searched. Imports no torch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.errors import CodeError

Float32 = npt.NDArray[np.float32]
Int8 = npt.NDArray[np.int8]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]


def check_n_bits(n_bits: int) -> int:
    """Returns ``n_bits`` if codes of that length can be packed.

    Args:
        n_bits: Bits of one code; a positive multiple of 8.

    Returns:
        The same number.

    Raises:
        CodeError: If ``n_bits`` is not a positive multiple of 8.
    """
    if n_bits <= 0 or n_bits % 8:
        raise CodeError(f"n_bits must be a positive multiple of 8, not {n_bits}")
    return n_bits


def sign_codes(relaxed_codes: npt.NDArray[np.floating]) -> Int8:
    """Returns the signs of relaxed codes; zero counts as +1.

    Args:
        relaxed_codes: (N, n_bits) floats, finite.

    Returns:
        (N, n_bits) int8 of −1 and +1.

    Raises:
        CodeError: If a value is not finite: a sign of NaN would be a made-up bit.
    """
    if not np.isfinite(relaxed_codes).all():
        raise CodeError("relaxed codes contain a value that is not finite")
    return (relaxed_codes >= 0).view(np.int8) * np.int8(2) - np.int8(1)


def pack_codes(signs: Int8 | Float32) -> UInt8:
    """Packs signs into bytes, bit ``i`` of a code into bit ``i % 8`` of byte ``i // 8``.

    Args:
        signs: (N, n_bits) of −1 and +1; a positive value becomes a set bit.

    Returns:
        (N, n_bits / 8) uint8, C-contiguous.

    Raises:
        CodeError: If the array is not two-dimensional or ``n_bits`` is not a positive multiple of 8.
    """
    if signs.ndim != 2:
        raise CodeError(f"sign codes must have shape (N, n_bits), not {signs.shape}")
    check_n_bits(signs.shape[1])
    return np.packbits(signs > 0, axis=1, bitorder="little")


def unpack_codes(packed_codes: UInt8) -> Int8:
    """Undoes :func:`pack_codes`.

    Args:
        packed_codes: (N, n_bits / 8) uint8.

    Returns:
        (N, n_bits) int8 of −1 and +1.

    Raises:
        CodeError: If the array is not two-dimensional uint8.
    """
    _check_packed(packed_codes)
    bits = np.unpackbits(packed_codes, axis=1, bitorder="little").astype(np.int8)
    return bits * np.int8(2) - np.int8(1)


def hamming_distances(queries: UInt8, database: UInt8) -> Int64:
    """Counts the differing bits between each query and each database code.

    Equals (n_bits − ⟨a, b⟩) / 2 for the sign codes a, b.

    Args:
        queries: (Q, n_bits / 8) uint8.
        database: (N, n_bits / 8) uint8.

    Returns:
        (Q, N) int64 in 0…n_bits. Holds Q × N × n_bits / 8 bytes at its peak: meant for tests and small sets.

    Raises:
        CodeError: If either array is not two-dimensional uint8 or their widths differ.
    """
    _check_packed(queries)
    _check_packed(database)
    if queries.shape[1] != database.shape[1]:
        raise CodeError(f"codes of {queries.shape[1] * 8} and {database.shape[1] * 8} bits cannot be compared")
    differing = np.bitwise_count(queries[:, None, :] ^ database[None, :, :])
    distances: Int64 = differing.sum(axis=2, dtype=np.int64)
    return distances


def code_to_hex(packed_code: UInt8 | bytes) -> str:
    """Writes one packed code as lower-case hex.

    Args:
        packed_code: (n_bits / 8,) uint8, or the same as bytes.

    Returns:
        n_bits / 4 hex digits.
    """
    return bytes(packed_code).hex()


def _check_packed(packed_codes: UInt8) -> None:
    if packed_codes.ndim != 2 or packed_codes.dtype != np.uint8:
        raise CodeError(f"packed codes must be uint8 of shape (N, n_bits / 8), not {packed_codes.dtype} {packed_codes.shape}")
