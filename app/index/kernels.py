"""What every compiled loop over codes is made of: distances, the least of a block, which rows may be hits.

Decides how a scan stays at the speed of reading: the least distance of a block of codes comes from a loop without branches that the
compiler turns into vector instructions, so that only a block that holds something near has to be looked at code by code. Does not
know row ids: it speaks of positions, which ascend as rows do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from model.codes import Int64

UInt64 = npt.NDArray[np.uint64]
UInt32 = npt.NDArray[np.uint32]
Int32 = npt.NDArray[np.int32]
Bool = npt.NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])
_FEW = 48  # codes that are compared one by one
BLOCK = 256  # codes whose least distance is looked at


@lru_cache
def _digest_of_all(folder: Path) -> str:
    return sha256(b"".join(file.read_bytes() for file in sorted(folder.glob("*.py")))).hexdigest()


def _compiled(function: F, *, forceinline: bool = False) -> F:
    try:
        kept: Any = numba.njit(nogil=True, cache=True, forceinline=forceinline)(function)
    except RuntimeError:  # no folder can be written: it is compiled at each start
        return cast(F, numba.njit(nogil=True, forceinline=forceinline)(function))
    file = kept._cache._cache_file  # its stamp is that of the function's own source; what the function calls is compiled in, too
    file._source_stamp = (file._source_stamp, _digest_of_all(Path(function.__code__.co_filename).parent))
    return cast(F, kept)


def compiled(function: F) -> F:
    """Compiles a function at its first call, to run without Python's lock.

    The result is kept on disk where there is a place, and used until any source beside the function's own changes.

    Args:
        function: Of types that numba knows.

    Returns:
        The same function, fast.
    """
    return _compiled(function)


def inlined(function: F) -> F:
    """Compiles a function into each compiled one that calls it, so that tuples of arrays are not handed over in between."""
    return _compiled(function, forceinline=True)


class Part(NamedTuple):
    """Codes in the order of their rows.

    Attributes:
        words: (N · n_words,) uint64, the codes one after another, padded with zero bits.
        died: (N,) uint32, version at which a row was removed; 0 while it is held.
        n_rows: Only the first so many are looked at.
        n_words: Words a code.
        n_bits: Bits of one code.
    """

    words: UInt64
    died: UInt32
    n_rows: int
    n_words: int
    n_bits: int


class Rules(NamedTuple):
    """Which rows may be hits.

    Attributes:
        version: Rows that were removed at this version or before are none.
        allowed: (N,) bool; empty if all are allowed.
        without: Positions that are none; a few.
        first_distance: No nearer hits than this one.
        first_position: At that very distance, no earlier positions than this one.
        radius: No farther hits.
        distinct: Whether only the first of equal codes is one.
        is_plain: Whether nothing but the radius keeps a row back.
    """

    version: int
    allowed: Bool
    without: Int64
    first_distance: int
    first_position: int
    radius: int
    distinct: bool
    is_plain: bool


@intrinsic
def _popcount(_typing: Any, _word: Any) -> Any:
    """Counts the set bits of a word: one instruction, where the processor has it."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount = cast(Callable[[Any], Any], _popcount)


@intrinsic
def _prefetch(_typing: Any, words: Any, at: Any) -> Any:
    """Asks the memory for the word at a place, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), ir.FunctionType(ir.VoidType(), [byte] + 3 * [number]))
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), byte)
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(words, at), generate


prefetch = cast(Callable[[Any, Any], None], _prefetch)


@compiled
def distance_at(words: UInt64, at: int, query: UInt64) -> Any:
    """Returns the distance between a query and the code at a place."""
    n_words = len(query)
    if n_words == 1:
        return np.int64(popcount(words[at] ^ query[0]))
    total = np.int64(0)
    for word in range(n_words):
        total += np.int64(popcount(words[at * n_words + word] ^ query[word]))
    return total


@compiled
def least_distance(words: UInt64, start: int, end: int, query: UInt64) -> Any:
    """Returns the least distance between a query and the codes of places start…end − 1; large if there is none."""
    n_words: int = len(query)
    least: Any = np.int64(1 << 30)
    first, last = np.uint64(start), np.uint64(end)  # unsigned, or each access would look whether the place is negative
    if n_words == 1:
        word0 = query[0]
        for at in range(first, last):
            least = min(least, np.int64(popcount(words[at] ^ word0)))
    elif n_words == 2:
        word0, word1, two, one = query[0], query[1], np.uint64(2), np.uint64(1)
        for at in range(first, last):
            least = min(least, np.int64(popcount(words[two * at] ^ word0) + popcount(words[two * at + one] ^ word1)))
    elif n_words == 4:
        word0, word1, word2, word3, four = query[0], query[1], query[2], query[3], np.uint64(4)
        for at in range(first, last):
            low = popcount(words[four * at] ^ word0) + popcount(words[four * at + np.uint64(1)] ^ word1)
            high = popcount(words[four * at + np.uint64(2)] ^ word2) + popcount(words[four * at + np.uint64(3)] ^ word3)
            least = min(least, np.int64(low + high))
    else:
        for code in range(start, end):
            least = min(least, distance_at(words, code, query))
    return least


@compiled
def _next_near_in_few(words: UInt64, span: tuple[int, int], query: UInt64, limit: int) -> int:
    """Returns the first place of a short span whose distance is below a limit; the span's end if there is none."""
    start, end = span
    if len(query) == 1:
        word, most = query[0], np.uint64(limit)
        for at in range(np.uint64(start), np.uint64(end)):
            if popcount(words[at] ^ word) < most:
                return np.int64(at)  # type: ignore[return-value]
        return end
    for code in range(start, end):
        if distance_at(words, code, query) < limit:
            return code
    return end


@compiled
def next_near(words: UInt64, span: tuple[int, int], query: UInt64, limit: int) -> int:
    """Returns a place of a span before which no distance is below a limit, and soon behind which one is; the end if none is."""
    start, end = span
    if end - start < _FEW:
        return _next_near_in_few(words, span, query, limit)
    while start < end and least_distance(words, start, min(start + BLOCK, end), query) >= limit:
        start += BLOCK
    return min(start, end)


@compiled
def may_be_hit(part: Part, rules: Rules, position: int) -> bool:
    """Tells whether a row is there and allowed."""
    if position >= part.n_rows:
        return False
    died = part.died[position]
    if died != 0 and died <= rules.version:
        return False
    if len(rules.allowed) and not rules.allowed[position]:
        return False
    for left_out in rules.without:  # noqa: SIM110
        if left_out == position:
            return False
    return True


@compiled
def mark_allowed(row_ids: Int64, allowed: Int64, marks: Bool) -> None:
    """Marks the rows that are allowed; both lists of row ids ascend."""
    at = 0
    for row in allowed:
        while at < len(row_ids) and row_ids[at] < row:
            at += 1
        if at == len(row_ids):
            return
        if row_ids[at] == row:
            marks[at] = True


@compiled
def copy_held(part: Part, version: int, row_ids: Int64, to: tuple[Int64, UInt64], start: int) -> int:
    """Copies what is held at a version, from a place on, and returns the place behind it; numpy would keep the lock for that."""
    to_rows, to_words = to
    for at in range(part.n_rows):
        if part.died[at] == 0 or part.died[at] > version:
            to_rows[start] = row_ids[at]
            for word in range(part.n_words):
                to_words[start * part.n_words + word] = part.words[at * part.n_words + word]
            start += 1
    return start
