"""Judgements and what was calibrated from them, in SQL.

Decides what stays of a judgement whose item is deleted: all that calibration needs, which is codes, distance, directions and the
number of the item's row, but neither its id nor a note. Does not know how calibrations are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from app.catalog.sql_records import SqlRecords
from app.catalog.sql_tables import calibrations, items, judgements
from app.judgements import Direction, Judged, Judgement, KeptCalibration, NewJudgement, Tally
from app.records import Seal, no_records
from model.errors import CatalogError, CodeError, InvalidRequest
from model.recalibration import JudgedHits

_BLOCK = 100  # judgements a statement; SQLite takes 999 variables at least
_COLUMNS = [column for column in judgements.c if column.name != "row_id"]
_DIRECTION = (judgements.c.modality, judgements.c.target)


class _Hit(NamedTuple):
    """What one judgement is kept of."""

    query_code: bytes
    modality: str
    item_id: str
    target: str


class SqlJudgements(SqlRecords):
    """The part of a catalogue that holds them; see :class:`app.judgements.Judgements`."""

    def judge(self, said: Sequence[NewJudgement], now_s: int, most: int, seal: Seal[Judged] = no_records) -> list[Judged]:
        """Keeps judgements in one transaction, with the distances as they are in it.

        Args:
            said: What is said.
            now_s: Seconds since 1970.
            most: Judgements that may be kept in all.
            seal: Makes the records that are kept with them, from the answers.

        Returns:
            One answer a judgement, in order.

        Raises:
            CodeError: If a code has a wrong length; nothing is kept then.
            InvalidRequest: If more than ``most`` would be kept; none of these is kept then.
            Overloaded: If the catalogue was given to another bundle: codes of two must not meet.
        """
        if any(len(one.query_code) != self._n_bits // 8 for one in said):
            raise CodeError(f"a query's code has not {self._n_bits // 8} bytes")
        with self._writer() as connection:
            answers = [
                answer
                for start in range(0, len(said), _BLOCK)
                for answer in self._judge(connection, said[start : start + _BLOCK], now_s)
            ]
            self._check_current(connection)
            n_kept = connection.scalars(sa.select(sa.func.count()).select_from(judgements)).one()
            if n_kept > most and any(answer.fate == "added" for answer in answers):
                raise InvalidRequest(
                    f"no more than {most} judgements are kept (BITLENS_MAX_JUDGEMENTS): some must be deleted first"
                )
            self._write_records(connection, seal(answers))
        return answers

    def judgements(self, after: int = 0, limit: int = 100) -> list[Judgement]:
        """Lists judgements of all bundles.

        Args:
            after: Only numbers above this one.
            limit: At most so many.

        Returns:
            Judgements by number.
        """
        number = judgements.c.number
        query = sa.select(*_COLUMNS).where(number > after).order_by(number).limit(limit)
        with self._reader() as connection:
            return [Judgement(**row) for row in connection.execute(query).mappings()]

    def forget_judgements(self, item_id: str | None = None, query_code: bytes | None = None, seal: Seal[int] = no_records) -> int:
        """Deletes judgements of all bundles: those of an item, of a query, or all.

        Args:
            item_id: Only of this item.
            query_code: Only of queries with this code.
            seal: Makes the records that are kept with the deletion, from their number.

        Returns:
            How many were deleted.
        """
        gone = sa.delete(judgements)
        gone = gone if item_id is None else gone.where(judgements.c.item_id == item_id)
        gone = gone if query_code is None else gone.where(judgements.c.query_code == query_code)
        with self._writer() as connection:
            n_gone = connection.execute(gone).rowcount
            self._write_records(connection, seal([n_gone]))
        return n_gone

    def tallies(self) -> dict[Direction, Tally]:
        """Counts the judgements of the catalogue's bundle; directions without any are absent."""
        relevant = sa.func.sum(sa.case((judgements.c.relevant, 1), else_=0))
        query = sa.select(*_DIRECTION, sa.func.count(), relevant).where(self._mine(judgements)).group_by(*_DIRECTION)
        with self._reader() as connection:
            return {(row[0], row[1]): Tally(int(row[2]), int(row[3])) for row in connection.execute(query)}

    def judged_hits(self) -> dict[Direction, JudgedHits]:
        """Reads the judgements of the catalogue's bundle; directions without any are absent.

        Returns:
            Judged hits by direction.

        Raises:
            CatalogError: If a distance is impossible: the database was damaged or written by someone else.
        """
        told = (judgements.c.distance, judgements.c.relevant, judgements.c.query_code, judgements.c.row_id)
        query = sa.select(*_DIRECTION, *told).where(self._mine(judgements)).order_by(*_DIRECTION, judgements.c.number)
        with self._reader() as connection:
            rows = connection.execute(query).all()
        if any(not 0 <= row.distance <= self._n_bits for row in rows):
            raise CatalogError("judgements are damaged: there are distances that no codes have")
        return {(key[0], key[1]): _hits(group) for key, group in groupby(rows, key=itemgetter(0, 1))}

    def keep_calibration(self, content: bytes | None, now_s: int) -> None:
        """Keeps a calibration of the catalogue's bundle in the place of the last one.

        Args:
            content: JSON; None to keep none.
            now_s: Seconds since 1970.
        """
        with self._writer() as connection:
            self._check_current(connection)
            connection.execute(sa.delete(calibrations).where(self._mine(calibrations)))
            if content is not None:
                kept = {"bundle_id": self._bundle_id, "content": content, "kept_at_s": now_s}
                connection.execute(sa.insert(calibrations).values(**kept))

    def kept_calibration(self) -> KeptCalibration | None:
        """Returns the calibration of the catalogue's bundle, or None if none is kept."""
        query = sa.select(calibrations.c.content, calibrations.c.kept_at_s).where(self._mine(calibrations))
        with self._reader() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else KeptCalibration(bytes(row[0]), int(row[1]))

    def calibration_number(self) -> int:
        """Returns a number that is another one after each change of that calibration; 0 if none is kept."""
        with self._reader() as connection:
            return int(connection.scalars(sa.select(calibrations.c.number).where(self._mine(calibrations))).one_or_none() or 0)

    def _mine(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return table.c.bundle_id == self._bundle_id

    def _judge(self, connection: sa.Connection, said: Sequence[NewJudgement], now_s: int) -> list[Judged]:
        """Keeps some judgements; what was said of the same hits before goes."""
        ids = {one.item_id for one in said}
        told = sa.select(items.c.item_id, items.c.row_id, items.c.text_code, items.c.image_code).where(items.c.item_id.in_(ids))
        held = {row["item_id"]: row for row in connection.execute(told).mappings()}
        before, kept = self._said_before(connection, said), dict[_Hit, dict[str, Any]]()
        answers = []
        for one in said:
            item, hit = held.get(one.item_id), _hit_of(one)
            code = item and item[f"{one.target}_code"]
            if item is None or code is None:
                answers.append(Judged("unknown" if item is None else "uncoded"))
                continue
            distance = (int.from_bytes(one.query_code) ^ int.from_bytes(code)).bit_count()
            answers.append(Judged("replaced" if hit in before or hit in kept else "added", distance))
            more = {
                "row_id": item["row_id"],
                "distance": distance,
                "relevant": one.relevant,
                "note": one.note,
                "judged_at_s": now_s,
            }
            kept[hit] = {"bundle_id": self._bundle_id, **hit._asdict(), **more}
        gone = [number for hit, number in before.items() if hit in kept]
        connection.execute(sa.delete(judgements).where(judgements.c.number.in_(gone)))
        if kept:
            connection.execute(sa.insert(judgements), list(kept.values()))
        return answers

    def _said_before(self, connection: sa.Connection, said: Sequence[NewJudgement]) -> dict[_Hit, int]:
        """Returns the numbers of the judgements that these may replace."""
        codes, ids = {one.query_code for one in said}, {one.item_id for one in said}
        same = sa.and_(judgements.c.query_code.in_(codes), judgements.c.item_id.in_(ids), self._mine(judgements))
        query = sa.select(judgements.c.number, *(judgements.c[name] for name in _Hit._fields)).where(same)
        return {_Hit(*row[1:]): row[0] for row in connection.execute(query)}


def _hit_of(said: NewJudgement) -> _Hit:
    return _Hit(said.query_code, said.modality, said.item_id, said.target)


def forget_names(connection: sa.Connection, item_ids: Sequence[str]) -> None:
    """Takes out of judgements which items they were of, and notes.

    Args:
        connection: In the transaction that deletes the items.
        item_ids: Which; at most 500.
    """
    connection.execute(sa.update(judgements).where(judgements.c.item_id.in_(item_ids)).values(item_id=None, note=None))


def _hits(rows: Iterator[Any]) -> JudgedHits:
    _, _, distances, relevant, codes, items = zip(*rows, strict=True)
    numbers = {code: number for number, code in enumerate(dict.fromkeys(codes))}
    return JudgedHits(
        np.array(distances, np.int64),
        np.array(relevant, bool),
        np.array([numbers[code] for code in codes], np.int64),
        np.array(items, np.int64),
    )
