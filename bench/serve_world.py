"""What a load is put on: a data folder full of items.

Decides what the items are, and which captions are made up. Does not know where their codes come from.
"""

from __future__ import annotations

from itertools import islice, product
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.catalog.sql import SqlCatalog
from app.catalog.sql_payload_filter import add_leaves
from app.catalog.sql_tables import items, meta, open_engine
from app.data_dir import DataFolder
from model.codes import UInt8

_BLOCK = 10_000
_HOW = ("small", "old", "bright", "wooden", "sleeping", "running")
_WHAT = ("dogs", "cats", "buses", "boats", "horses", "pizzas", "clocks", "people")
_WHERE = ("on a beach", "in a kitchen", "near the road", "under trees", "at night")


def captions(n_captions: int) -> list[str]:
    """Makes up captions that all differ.

    Args:
        n_captions: How many.

    Returns:
        The captions; the first are also what is searched for.
    """
    made = (f"{number} {how} {what} {where}" for number, how, what, where in product(range(1, 1000), _HOW, _WHAT, _WHERE))
    return list(islice(made, n_captions))


def item_of(number: int) -> dict[str, Any]:
    """Makes an item up.

    Args:
        number: Which.

    Returns:
        Its id, text and payload.
    """
    return {
        "id": f"item-{number}",
        "text": f"a caption of item {number}, as long as captions are",
        "payload": {"album": number % 97},
    }


def fill(folder: Path, codes: UInt8, bundle_id: str) -> None:
    """Makes a data folder whose catalogue holds an item a code; one that is there already with as many items is left alone.

    Args:
        folder: The data folder.
        codes: (N, n_bits / 8) uint8, the code of text and image of each item.
        bundle_id: Whose codes they are said to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = DataFolder(folder).catalogue_url
    catalog = SqlCatalog(url, bundle_id=bundle_id, n_bits=codes.shape[1] * 8)
    n_items = catalog.count()
    catalog.close()
    if n_items == len(codes):
        return
    engine = open_engine(url)
    with engine.execution_options(writes=True).begin() as connection:
        numbered = iter(enumerate(codes))
        while block := list(islice(numbered, _BLOCK)):
            rows = [_row(number, code.tobytes()) for number, code in block]
            connection.execute(sa.insert(items), rows)
            add_leaves(connection, [(row["row_id"], row["payload"]) for row in rows])
        connection.execute(sa.update(meta).values(revision=1))
    engine.dispose()


def _row(number: int, code: bytes) -> dict[str, Any]:
    item = item_of(number)
    payload = f'{{"album":{number % 97}}}'
    codes = {"text_code": code, "image_code": code}
    return {"row_id": number + 1, "item_id": item["id"], "text": item["text"], "payload": payload, **codes}
