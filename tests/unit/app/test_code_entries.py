"""What lies in the code cache: a code, and how familiar what it was made from is, if the measure of today has told it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.cache.base import N_BEHIND, Modality
from app.code_entries import CodeEntries
from app.encoder import Encoded
from tests.builders import two_worlds
from tests.fakes import FakeCodeCache

pytestmark = pytest.mark.anyio
CODE = b"12345678"
FEATURES = np.array([[1, 0], [0, 1], [0.8, 0.6]], np.float32)


def entries(cache: FakeCodeCache | None = None, **measures: object) -> CodeEntries:
    return CodeEntries(cache or FakeCodeCache(), 8, measures)  # type: ignore[arg-type]  # modalities are their names


def test_what_was_written_is_read() -> None:
    known = entries(text=two_worlds())
    written = known.written("text", [CODE, b"abcdefgh", CODE], FEATURES)
    assert [len(entry) for entry in written] == [8 + N_BEHIND] * 3
    shares = two_worlds().shares(FEATURES).round(6).tolist()
    assert [known.read("text", entry) for entry in written] == [
        Encoded(CODE, False, shares[0]), Encoded(b"abcdefgh", False, shares[1]), Encoded(CODE, False, shares[2])
    ]  # fmt: skip
    assert shares[:2] == [1.0, 0.01]


def test_the_strangest_of_very_many_is_not_zero() -> None:
    [written] = entries(text=two_worlds(n_known=10**8)).written("text", [CODE], FEATURES[1:2])
    assert entries(text=two_worlds(n_known=10**8)).read("text", written).familiarity == 1e-6


@pytest.mark.parametrize("modality", ["text", "image"])
def test_without_a_measure_an_entry_is_a_code(modality: Modality) -> None:
    assert entries().written(modality, [CODE], None) == [CODE]
    assert entries().read(modality, CODE) == Encoded(CODE, False, None)
    assert not entries().are_measured(modality)


def test_what_another_measure_has_told_is_not_known_but_what_the_value_is_called_does_not_matter() -> None:
    [entry] = entries(text=two_worlds()).written("text", [CODE], FEATURES[:1])
    other, renamed = replace(two_worlds(), rest=2.0), two_worlds("other")
    assert entries(text=renamed).read("text", entry).familiarity == 1.0
    for reading in (entries(text=other), entries()):
        assert reading.read("text", entry, cached=True) == Encoded(CODE, True, None)


@pytest.mark.parametrize("kept", [CODE, None])
async def test_a_search_misses_what_is_not_whole_and_bulk_work_takes_the_code(kept: bytes | None) -> None:
    cache = FakeCodeCache()
    [whole] = entries(text=two_worlds()).written("text", [CODE], FEATURES[:1])
    cache.entries = {"whole": whole} | ({} if kept is None else {"old": kept})
    known, unmeasured = entries(cache, text=two_worlds()), entries(cache)
    assert await known.found("text", "old") is None
    assert await known.found("text", "whole") == Encoded(CODE, True, 1.0)
    assert await unmeasured.found("text", "whole") == Encoded(CODE, True, None)
    assert (await known.found_many("text", ["whole", "old"], is_search=True)).keys() == {"whole"}
    assert await known.found_many("text", ["whole", "old"], is_search=False) == {
        "whole": Encoded(CODE, True, 1.0), **({} if kept is None else {"old": Encoded(CODE, True, None)})
    }  # fmt: skip
