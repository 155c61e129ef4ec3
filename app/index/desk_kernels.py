"""Where arrays lie in memory, as one array of numbers: a desk, which a compiled loop is handed in no time.

Decides how compiled loops get at many arrays: whoever hands them over one by one pays for each at every call, and the loops count
who holds each, over and over; arrays made of addresses cost neither. Whoever hands over a desk holds on to what lies on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from app.index.chunk_kernels import Table
from app.index.kernels import Part, Rules, UInt32, UInt64, inlined
from model.codes import Int64


@intrinsic
def _array_at(_typing: Any, address: Any, n: Any, dtype: Any) -> Any:
    """Makes an array of what lies at an address; nobody counts who holds it."""
    made = types.Array(dtype.dtype, 1, "C")

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array = context.make_array(made)(context, builder)
        data = builder.inttoptr(arguments[0], array.data.type)
        n_bytes = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(dtype.dtype)))
        populate_array(array, data=data, shape=[arguments[1]], strides=[n_bytes], itemsize=n_bytes, meminfo=None)  # type: ignore[no-untyped-call]
        return array._getvalue()

    return made(types.intp, types.intp, dtype), generate


array_at = cast(Callable[[Any, Any, Any], Any], _array_at)


def table_desk(table: Table) -> Int64:
    """Returns a desk with a table on it, for :func:`table_at`."""
    arrays = (table.starts, table.words, table.numbers, table.list_starts, table.rows, table.masks, table.mask_starts, table.within)
    places = [array.ctypes.data for array in (*arrays, table.cost)]
    return np.array([table.n_codes, table.n_chunks, *places, int(table.scan_cost), *[len(array) for array in arrays]], np.int64)


@inlined
def table_at(desk: Int64) -> Table:
    """Returns the table on a desk."""
    return Table(
        desk[0],
        desk[1],
        array_at(desk[2], desk[12], np.uint32),
        array_at(desk[3], desk[13], np.uint64),
        array_at(desk[4], desk[14], np.uint32),
        array_at(desk[5], desk[15], np.uint32),
        array_at(desk[6], desk[16], np.uint32),
        array_at(desk[7], desk[17], np.uint16),
        array_at(desk[8], desk[18], np.int64),
        array_at(desk[9], desk[19], np.float64),
        array_at(desk[10], desk[19], np.float64),
        np.float64(desk[11]),
    )


def rows_desk(row_ids: Int64, words: UInt64, died: UInt32, n_bits: int) -> Int64:
    """Returns a desk with rows and their codes on it, for :func:`part_at` and :func:`row_ids_at`."""
    n_words = -(-n_bits // 64)
    return np.array([row_ids.ctypes.data, words.ctypes.data, died.ctypes.data, len(row_ids), n_words, n_bits], np.int64)


@inlined
def part_at(desk: Int64, n_rows: int) -> Part:
    """Returns the first rows on a desk."""
    words, died = array_at(desk[1], desk[3] * desk[4], np.uint64), array_at(desk[2], desk[3], np.uint32)
    return Part(words, died, n_rows, desk[4], desk[5])


@inlined
def row_ids_at(desk: Int64) -> Any:
    """Returns the row ids on a desk, (N,) int64."""
    return array_at(desk[0], desk[3], np.int64)


@inlined
def unheld(array: Any) -> Any:
    """Returns the same array of one dimension, but nobody counts who holds it; the caller holds it longer."""
    return array_at(array.ctypes.data, array.size, array.dtype)


@inlined
def unheld_rules(rules: Rules) -> Rules:
    """Returns the same rules, but nobody counts who holds them; the caller holds them longer."""
    (version, allowed, without, first_distance, first_position, radius, distinct, is_plain) = rules
    return Rules(version, unheld(allowed), unheld(without), first_distance, first_position, radius, distinct, is_plain)
