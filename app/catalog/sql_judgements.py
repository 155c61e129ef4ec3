"""Judgements and what was calibrated from them, in SQL.

Decides what stays of a judgement whose item is deleted: all that calibration needs, which is codes, distance, directions and the
number of the item's row, but neither its id nor a note. Does not know how calibrations are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.catalog.sql_records import SqlRecords
from app.catalog.sql_tables import calibrations, items, judgements
from app.judgements import Direction, Judged, Judgement, KeptCalibration, NewJudgement, Tally
from app.records import Seal, no_records
from model.errors import CatalogError, CodeError, InvalidRequest
from model.recalibration import JudgedHits

_COLUMNS = [column for column in judgements.c if column.name != "row_id"]
_DIRECTION = (judgements.c.modality, judgements.c.target)


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
            answers = [self._judge(connection, one, now_s) for one in said]
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

    def _judge(self, connection: sa.Connection, said: NewJudgement, now_s: int) -> Judged:
        """Keeps one judgement; what was said of the same hit before goes."""
        codes = sa.select(items.c.row_id, items.c[f"{said.target}_code"]).where(items.c.item_id == said.item_id)
        item = connection.execute(codes).one_or_none()
        if item is None or item[1] is None:
            return Judged("unknown" if item is None else "uncoded")
        which = {name: getattr(said, name) for name in ("query_code", "modality", "item_id", "target")}
        same = sa.and_(self._mine(judgements), *(judgements.c[name] == value for name, value in which.items()))
        was_there = connection.execute(sa.delete(judgements).where(same)).rowcount
        distance = (int.from_bytes(said.query_code) ^ int.from_bytes(item[1])).bit_count()
        told = {"row_id": item[0], "distance": distance, "relevant": said.relevant, "note": said.note, "judged_at_s": now_s}
        connection.execute(sa.insert(judgements).values(bundle_id=self._bundle_id, **which, **told))
        return Judged("replaced" if was_there else "added", distance)


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
