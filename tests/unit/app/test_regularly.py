"""Looks come again, whatever became of the one before."""

import asyncio
import logging

import pytest

from app.regularly import Rhythm, regularly
from model.errors import CatalogError

pytestmark = pytest.mark.anyio


async def test_a_look_that_fails_is_told_and_the_next_one_comes(caplog):
    looks, third = iter([True, CatalogError("away"), True]), asyncio.Event()

    async def look():
        what = next(looks, None)
        if isinstance(what, CatalogError):
            raise what
        if what is None:
            third.set()
            await asyncio.Event().wait()

    looking = asyncio.create_task(regularly(look, Rhythm(0, "put off", logging.getLogger("app.test"))))
    await asyncio.wait_for(third.wait(), 5)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    assert [(record.levelname, record.getMessage(), bool(record.exc_info)) for record in caplog.records] == [
        ("WARNING", "put off", True)
    ]
