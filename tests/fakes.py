"""Stand-ins for the index, the cache and the catalogue: the same contracts in the plainest code, all in memory.

The contract tests run on them as well, so a test that passes with a fake says something about the real thing.
"""

from __future__ import annotations

import copy
import hashlib
import operator
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from app.cache.base import Modality
from app.catalog.base import Item, NewItem, Upserted
from app.figures import Figures
from app.filters import AllOf, AnyOf, Exists, Expression, Not, OneOf, Within, keys_of
from app.index.base import EVERYTHING, Hit, IndexFigures, Window, check_loaded_rows, check_new_rows, check_packed_codes
from app.job_records import UNFINISHED, Job, JobFailure, JobState, JobStep
from app.judgements import Direction, Judged, Judgement, KeptCalibration, NewJudgement, Tally
from app.meters import Outcome, Stage
from app.records import N_NAMED, Alike, KeptAnswer, Record, Seal, no_records
from app.snapshots import MODALITIES
from model.codes import Int64, UInt8, check_n_bits, hamming_distances
from model.errors import CatalogError, CodeError, InvalidRequest
from model.recalibration import JudgedHits


class FakeCodeIndex:
    """A dictionary of codes, compared one query at a time."""

    def __init__(self, n_bits: int) -> None:
        self.n_bits = check_n_bits(n_bits)
        self.codes: dict[int, UInt8] = {}
        self._lock = threading.Lock()

    @property
    def newest_row(self) -> int:
        return max(self.codes, default=0)

    def __len__(self) -> int:
        return len(self.codes)

    def figures(self) -> IndexFigures:
        return IndexFigures("fake", len(self) * (8 + self.n_bits // 8))

    def load(self, row_ids: Int64, packed_codes: UInt8) -> None:
        check_packed_codes(packed_codes, self.n_bits)
        check_loaded_rows(row_ids, len(packed_codes), len(self))
        self.add(row_ids, packed_codes)

    def add(self, row_ids: Int64, packed_codes: UInt8) -> None:
        check_packed_codes(packed_codes, self.n_bits)
        check_new_rows(row_ids, len(packed_codes))
        rows = row_ids.tolist()
        with self._lock:
            if self.codes.keys() & set(rows):
                raise CodeError("a row id that is added is held already")
            self.codes.update(zip(rows, np.array(packed_codes), strict=True))

    def remove(self, row_ids: Int64) -> int:
        with self._lock:
            return sum(self.codes.pop(row, None) is not None for row in np.asarray(row_ids).tolist())

    def held_codes(self) -> tuple[Int64, UInt8]:
        with self._lock:
            held = sorted(self.codes.items())
        codes = np.stack([code for _, code in held]) if held else np.empty((0, self.n_bits // 8), np.uint8)
        return np.array([row for row, _ in held], np.int64), codes

    def search(
        self,
        packed_codes: UInt8,
        *,
        k: int,
        max_distance: int | None = None,
        allowed: Sequence[int] | Int64 | None = None,
        window: Window = EVERYTHING,
    ) -> list[list[Hit]]:
        check_packed_codes(packed_codes, self.n_bits)
        if k < 1:
            raise CodeError(f"k must be 1 or more, not {k}")
        with self._lock:
            held = self.codes.copy()
        rows = held.keys() if allowed is None else held.keys() & {int(row) for row in allowed}
        newest_row = max(held, default=0) if window.newest_row is None else window.newest_row
        rows = sorted(row for row in rows if row <= newest_row and row not in window.without)
        if window.distinct:
            rows = sorted({held[row].tobytes(): row for row in reversed(rows)}.values())
        if not rows:
            return [[] for _ in packed_codes]
        radius = self.n_bits if max_distance is None else max_distance
        table = hamming_distances(packed_codes, np.stack([held[row] for row in rows])).tolist()
        ranked = [sorted(zip(distances, rows, strict=True)) for distances in table]
        after = window.after or (-1, 0)
        return [
            [Hit(row, distance) for distance, row in hits if distance <= radius and (distance, row) > after][:k] for hits in ranked
        ]


class FakeCodeCache:
    """A dictionary; set ``available`` to False for an outage."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.available = True
        self.closed = False

    @property
    def answers(self) -> bool:
        return self.available

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.entries.get(key) if self.available else None for key in keys]

    async def put_many(self, entries: Mapping[str, bytes]) -> None:
        if self.available:
            self.entries.update(entries)

    async def is_available(self) -> bool:
        return self.available

    async def close(self) -> None:
        self.closed = True


class FakeJudgements:
    """Judgements in a list, the newest last; a calibration and how often it was changed."""

    bundle_id: str

    def __init__(self) -> None:
        self._judgements: list[tuple[Judgement, int]] = []  # with the row of the item
        self._n_judged = 0
        self._calibration: KeptCalibration | None = None
        self._n_calibrations = 0

    def judge(self, said: Sequence[NewJudgement], now_s: int, most: int, seal: Seal[Judged] = no_records) -> list[Judged]:
        before = list(self._judgements)
        answers = [self._judge(one, now_s) for one in said]
        if len(self._judgements) > max(most, len(before)):
            self._judgements = before
            raise InvalidRequest(f"no more than {most} judgements are kept (BITLENS_MAX_JUDGEMENTS)")
        self._keep(seal(answers))
        return answers

    def judgements(self, after: int = 0, limit: int = 100) -> list[Judgement]:
        return [one for one, _ in self._judgements if one.number > after][:limit]

    def forget_judgements(self, item_id: str | None = None, query_code: bytes | None = None, seal: Seal[int] = no_records) -> int:
        before = len(self._judgements)
        wanted = {"item_id": item_id, "query_code": query_code}
        self._judgements = [
            (one, row)
            for one, row in self._judgements
            if any(value is not None and getattr(one, name) != value for name, value in wanted.items())
        ]
        n_gone = before - len(self._judgements)
        self._keep(seal([n_gone]))
        return n_gone

    def tallies(self) -> dict[Direction, Tally]:
        found = self.judged_hits()
        return {direction: Tally(len(hits.distances), int(hits.relevant.sum())) for direction, hits in found.items()}

    def judged_hits(self) -> dict[Direction, JudgedHits]:
        found: dict[Direction, list[tuple[int, bool, int, int]]] = {}
        for one, row in self._judgements:
            told = (one.distance, one.relevant, int.from_bytes(one.query_code, "big") % 2**62, row)
            found.setdefault((one.modality, one.target), []).append(told)
        return {direction: JudgedHits(*map(np.array, zip(*rows, strict=True))) for direction, rows in found.items()}

    def keep_calibration(self, content: bytes | None, now_s: int) -> None:
        self._calibration = None if content is None else KeptCalibration(content, now_s)
        self._n_calibrations += 1

    def kept_calibration(self) -> KeptCalibration | None:
        return self._calibration

    def calibration_number(self) -> int:
        return self._n_calibrations if self._calibration else 0

    def get_many(self, item_ids: Sequence[str]) -> list[Item | None]:
        raise NotImplementedError

    def _keep(self, records: Sequence[Record]) -> None:
        raise NotImplementedError

    def _judge(self, said: NewJudgement, now_s: int) -> Judged:
        item = self.get_many([said.item_id])[0]
        code = item and item.code(said.target)
        if item is None or code is None:
            return Judged("unknown" if item is None else "uncoded")
        which = {name: getattr(said, name) for name in ("query_code", "modality", "item_id", "target")}
        n_before = len(self._judgements)
        self._judgements = [
            (one, row) for one, row in self._judgements if any(getattr(one, name) != value for name, value in which.items())
        ]
        distance = int(np.unpackbits(np.frombuffer(said.query_code, np.uint8) ^ np.frombuffer(code, np.uint8)).sum())
        self._n_judged += 1
        told = {"distance": distance, "relevant": said.relevant, "note": said.note, "judged_at_s": now_s}
        kept = Judgement(number=self._n_judged, bundle_id=self.bundle_id, **which, **told)
        was_there = len(self._judgements) < n_before
        self._judgements.append((kept, item.row_id))
        return Judged("replaced" if was_there else "added", distance)

    def _forget_names(self, item_id: str) -> None:
        self._judgements = [
            (replace(one, item_id=None, note=None) if one.item_id == item_id else one, row) for one, row in self._judgements
        ]


class FakeCatalog(FakeJudgements):
    """Items in a dictionary by row; set ``failing`` to make the next write raise CatalogError."""

    def __init__(self, bundle_id: str) -> None:
        super().__init__()
        self.bundle_id = bundle_id
        self.n_bits = 64
        self.revision = 0
        self.failing = False
        self.closed = False
        self._items: dict[int, Item] = {}
        self._holders: dict[tuple[Modality, str | None], dict[int, str]] = {}
        self._answers: dict[str, KeptAnswer] = {}
        self._jobs: dict[str, Job] = {}
        self._failures: dict[str, list[JobFailure]] = {}
        self._last_row_id = 0
        self._lock = threading.Lock()

    def upsert_many(self, items: Sequence[NewItem], seal: Seal[Upserted] = no_records) -> list[Upserted]:
        with self._lock:
            self._begin()
            written = [self._upsert(item) for item in items]
            answers = [self._with_alike(item, answer) for item, answer in zip(items, written, strict=True)]
            self.revision += bool(answers)
            self._keep(seal(answers))
            return answers

    def delete_many(self, item_ids: Sequence[str], seal: Seal[Item | None] = no_records) -> list[Item | None]:
        with self._lock:
            self._begin()
            deleted = [self._delete(item_id) for item_id in item_ids]
            for item in filter(None, deleted):
                self._forget_names(item.item_id)
            self.revision += any(deleted)
            self._keep(seal(deleted))
            return deleted

    def get_many(self, item_ids: Sequence[str]) -> list[Item | None]:
        by_id = {item.item_id: item for item in self._items.copy().values()}
        return [copy.deepcopy(by_id.get(item_id)) for item_id in item_ids]

    def get_rows(self, row_ids: Sequence[int]) -> list[Item | None]:
        return [copy.deepcopy(self._items.get(int(row_id))) for row_id in row_ids]

    def matching(self, expression: Expression) -> list[int]:
        return sorted(row_id for row_id, item in self._items.copy().items() if matches(expression, item.payload))

    def scan(self, after_row_id: int = 0) -> Iterator[Item]:
        for row_id, item in sorted(self._items.copy().items()):
            if row_id > after_row_id:
                yield copy.deepcopy(item)

    def row_ids(self, up_to: int) -> Int64:
        return np.array(sorted(row for row in self._items.copy() if row <= up_to), np.int64)

    def images(self) -> Iterator[str]:
        yield from sorted({item.image.sha256 for item in self._items.copy().values() if item.image is not None})

    def alike(self, modality: Modality, after: str, limit: int) -> list[Alike]:
        holders: dict[str, list[str]] = {}
        for item in self.scan():
            if (digest := digest_of(item, modality)) is not None:
                holders.setdefault(digest, []).append(item.item_id)
        several = [(digest, ids) for digest, ids in sorted(holders.items()) if len(ids) > 1 and digest > after]
        return [Alike(digest, len(ids), tuple(ids[:N_NAMED])) for digest, ids in several[:limit]]

    def answer(self, name: str) -> KeptAnswer | None:
        return self._answers.get(name)

    def forget_answers(self, before_s: int) -> int:
        old = [name for name, kept in self._answers.items() if kept.kept_at_s < before_s]
        for name in old:
            del self._answers[name]
        return len(old)

    def add_job(self, job: Job, seal: Seal[Job] = no_records) -> None:
        self._jobs[job.job_id] = job
        self._keep(seal([job]))

    def job(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def jobs(self, states: Collection[JobState] | None = None, limit: int = 100) -> list[Job]:
        return [job for job in reversed(self._jobs.values()) if states is None or job.state in states][:limit]

    def change_job(self, job_id: str, **changes: Any) -> bool:
        job = self._jobs.get(job_id)
        if job is None or job.state not in UNFINISHED:
            return False
        self._jobs[job_id] = replace(job, **changes)
        return True

    def forget_jobs(self, before_s: int) -> int:
        old = [name for name, job in self._jobs.items() if job.ended_at_s is not None and job.ended_at_s < before_s]
        for name in old:
            del self._jobs[name]
            self._failures.pop(name, None)
        return len(old)

    def failures(self, job_id: str, after_line: int = 0, limit: int = 100) -> list[JobFailure]:
        found = sorted(self._failures.get(job_id, []), key=lambda failure: failure.line)
        return [failure for failure in found if failure.line > after_line][:limit]

    def damage(self) -> list[str]:
        return []

    def copy_to(self, path: Path) -> None:
        raise CatalogError("the fake catalogue has no file")

    def is_current(self) -> bool:
        return True

    def count(self, after_row_id: int = 0) -> int:
        return sum(item.row_id > after_row_id for item in self._items.copy().values())

    def images_among(self, sha256s: Sequence[str]) -> set[str]:
        return set(sha256s) & set(self.images())

    def close(self) -> None:
        self.closed = True

    def _begin(self) -> None:
        if self.failing:
            self.failing = False
            raise CatalogError("the fake catalogue was told to fail")

    def _upsert(self, new: NewItem) -> Upserted:
        replaced = self._delete(new.item_id)
        self._last_row_id += 1
        item = Item(new.item_id, new.text, new.image, copy.deepcopy(new.payload), new.text_code, new.image_code, self._last_row_id)
        self._items[item.row_id] = item
        for key in keys_held_by(item):
            self._holders.setdefault(key, {})[item.row_id] = item.item_id
        return Upserted(self._last_row_id, replaced)

    def _with_alike(self, new: NewItem, answer: Upserted) -> Upserted:
        same: dict[Modality, tuple[str, ...]] = {}
        for modality in MODALITIES:
            held = self._holders.get((modality, digest_of(new, modality)), {})
            same[modality] = tuple(islice((name for name in held.values() if name != new.item_id), N_NAMED))
        return replace(answer, same_image=same["image"], same_text=same["text"])

    def _keep(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, JobStep):
                job, more = self._jobs[record.job_id], record.failures
                counts = {"n_added": job.n_added + record.n_added, "n_replaced": job.n_replaced + record.n_replaced}
                self._jobs[job.job_id] = replace(
                    job, line=record.line, offset=record.offset, n_failed=job.n_failed + len(more), **counts
                )
                self._failures.setdefault(job.job_id, []).extend(more)
            else:
                self._answers[record.name] = record

    def _delete(self, item_id: str) -> Item | None:
        row_id = next((row for row, item in self._items.items() if item.item_id == item_id), None)
        if row_id is None:
            return None
        for key in keys_held_by(self._items[row_id]):
            del self._holders[key][row_id]
        return self._items.pop(row_id)


def keys_held_by(item: NewItem) -> list[tuple[Modality, str | None]]:
    return [(modality, digest) for modality in MODALITIES if (digest := digest_of(item, modality)) is not None]


def digest_of(item: NewItem, modality: Modality) -> str | None:
    if modality == "image":
        return item.image and item.image.sha256
    return None if item.text is None else hashlib.sha256(item.text.encode("utf-8", "surrogatepass")).hexdigest()


def matches(expression: Expression, payload: dict[str, Any]) -> bool:
    """Evaluates a filter on one payload, the plain way."""
    match expression:
        case AllOf(parts):
            return all(matches(part, payload) for part in parts)
        case AnyOf(parts):
            return any(matches(part, payload) for part in parts)
        case Not(part):
            return not matches(part, payload)
        case Exists(field):
            return bool(values_at(payload, field))
        case OneOf(field, wanted):
            return any(kind_of(a) == kind_of(b) and a == b for a in values_at(payload, field) for b in wanted)
        case Within(field, bounds):
            return any(
                all(kind_of(value) == kind_of(bound) and COMPARE[word](value, bound) for word, bound in bounds)
                for value in values_at(payload, field)
            )


COMPARE: Mapping[str, Any] = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def values_at(payload: Any, field: str) -> list[Any]:
    """Returns everything that a field has: lists are looked through, and are themselves among it."""
    found = [payload]
    for key in keys_of(field):
        found = [value[key] for value in flat(found) if isinstance(value, dict) and key in value]
    return [float(value) if kind_of(value) is float else value for value in flat(found)]


def flat(values: list[Any]) -> list[Any]:
    return [one for value in values for one in ([value, *flat(value)] if isinstance(value, list) else [value])]


def kind_of(value: Any) -> type:
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


class FakeMeters:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.answers: list[tuple[str, str, int]] = []
        self.distances: list[tuple[str, int]] = []
        self.batches: list[tuple[str, int]] = []
        self.n_coalesced = 0
        self.n_lookups: dict[Outcome, int] = {"found": 0, "missing": 0, "unavailable": 0}

    def request(self, headers: Mapping[str, str]) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        pass

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        self.stages.append(name)
        yield

    def answered(self, route: str, method: str, status: int, latency_s: float) -> None:
        self.answers.append((route, method, status))

    def looked_up(self, outcome: Outcome, n_keys: int) -> None:
        self.n_lookups[outcome] += n_keys

    def lookups(self) -> dict[Outcome, int]:
        return dict(self.n_lookups)

    def batched(self, modality: Modality, n_inputs: int) -> None:
        self.batches.append((modality, n_inputs))

    def coalesced(self, n_keys: int) -> None:
        self.n_coalesced += n_keys

    def nearest(self, target: Modality, distance: int) -> None:
        self.distances.append((target, distance))

    def render(self, figures: Figures) -> bytes:
        return repr(figures).encode()
