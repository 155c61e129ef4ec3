"""Laws of codes: packing can be undone, distance is a metric, bits lie where faiss expects them."""

from __future__ import annotations

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.codes import check_n_bits, code_to_hex, hamming_distances, pack_codes, sign_codes, unpack_codes
from model.errors import CodeError

N_BITS = st.sampled_from([8, 16, 64, 136])


@st.composite
def signs(draw: st.DrawFn, n: int | None = None) -> np.ndarray:
    rows = draw(st.integers(0, 6)) if n is None else n
    return draw(hnp.arrays(np.int8, (rows, draw(N_BITS)), elements=st.sampled_from([-1, 1])))


@given(signs())
def test_unpacking_undoes_packing(codes: np.ndarray) -> None:
    packed = pack_codes(codes)
    assert (packed.dtype, packed.shape, packed.flags.c_contiguous) == (np.uint8, (len(codes), codes.shape[1] // 8), True)
    np.testing.assert_array_equal(unpack_codes(packed), codes)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2)))
def test_packing_undoes_unpacking(packed: np.ndarray) -> None:
    np.testing.assert_array_equal(pack_codes(unpack_codes(packed)), packed)


@given(signs(n=5))
def test_distance_is_half_of_what_the_inner_product_lacks(codes: np.ndarray) -> None:
    packed, wide = pack_codes(codes), codes.astype(np.int64)
    np.testing.assert_array_equal(hamming_distances(packed, packed), (codes.shape[1] - wide @ wide.T) // 2)


@given(signs(n=6))
def test_distance_is_a_metric(codes: np.ndarray) -> None:
    packed = pack_codes(codes)
    d = hamming_distances(packed, packed)
    np.testing.assert_array_equal(d, d.T)
    np.testing.assert_array_equal(d == 0, (codes[:, None] == codes[None]).all(axis=2))
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :]).all()
    assert ((d >= 0) & (d <= codes.shape[1])).all()


@pytest.mark.parametrize("n_bits", [8, 64, 128, 264])
def test_faiss_reads_the_same_bits(n_bits: int) -> None:
    rng = np.random.default_rng(1)
    database, queries = (pack_codes(rng.choice([-1, 1], (n, n_bits)).astype(np.int8)) for n in (40, 7))
    index = faiss.IndexBinaryFlat(n_bits)
    index.add(database)
    found, rows = index.search(queries, 40)
    np.testing.assert_array_equal(found, np.take_along_axis(hamming_distances(queries, database), rows, axis=1))


@pytest.mark.parametrize("bit", [0, 1, 7, 8, 23])
def test_bit_i_lies_in_bit_i_mod_8_of_byte_i_div_8(bit: int) -> None:
    codes = -np.ones((1, 24), np.int8)
    codes[0, bit] = 1
    wanted = np.zeros((1, 3), np.uint8)
    wanted[0, bit // 8] = 1 << (bit % 8)
    np.testing.assert_array_equal(pack_codes(codes), wanted)
    np.testing.assert_array_equal(pack_codes(codes), np.packbits(codes > 0, axis=1, bitorder="little"))


def test_zero_of_either_sign_becomes_plus_one() -> None:
    found = sign_codes(np.array([[0.0, -0.0, 1e-30, -1e-30]], np.float32))
    assert (found.dtype, found.tolist()) == (np.int8, [[1, 1, 1, -1]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_has_no_sign(value: float) -> None:
    with pytest.raises(CodeError, match="not finite"):
        sign_codes(np.array([[0.5, value]], np.float32))


@pytest.mark.parametrize("n_bits", [0, -8, 1, 12, 63])
def test_lengths_that_fill_no_bytes_are_refused(n_bits: int) -> None:
    with pytest.raises(CodeError, match=f"positive multiple of 8, not {n_bits}"):
        check_n_bits(n_bits)


@pytest.mark.parametrize(
    "codes", [np.ones(8, np.int8), np.ones((1, 1, 8), np.int8), np.ones((2, 12), np.int8), np.ones((2, 0), np.int8)]
)
def test_only_rows_of_whole_bytes_can_be_packed(codes: np.ndarray) -> None:
    with pytest.raises(CodeError):
        pack_codes(codes)


@pytest.mark.parametrize("packed", [np.zeros(8, np.uint8), np.zeros((1, 8), np.int8), np.zeros((1, 8), np.int64)])
def test_only_rows_of_bytes_can_be_unpacked_or_compared(packed: np.ndarray) -> None:
    good = np.zeros((1, 8), np.uint8)
    for call in (lambda: unpack_codes(packed), lambda: hamming_distances(packed, good), lambda: hamming_distances(good, packed)):
        with pytest.raises(CodeError, match="must be uint8 of shape"):
            call()


def test_codes_of_different_lengths_cannot_be_compared() -> None:
    with pytest.raises(CodeError, match="codes of 8 and 16 bits"):
        hamming_distances(np.zeros((1, 1), np.uint8), np.zeros((1, 2), np.uint8))


def test_a_code_is_written_as_the_hex_of_its_bytes() -> None:
    packed = np.array([0, 255, 10], np.uint8)
    assert code_to_hex(packed) == code_to_hex(packed.tobytes()) == "00ff0a"
