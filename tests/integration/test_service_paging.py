"""Pages and filters on the real catalogue and index, over HTTP."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing

import pytest

from tests.builders import TO_SCHEMA_2, index, real_parts, running, search, settings_for

N_TIES, PAGE = 10_000, 900


@pytest.fixture
def settings(tmp_path):
    return settings_for(tmp_path)


def pages(client, query, **bounds):
    cursor = None
    while True:
        answer = search(client, query, cursor=cursor, **bounds)
        yield [hit["id"] for hit in answer["hits"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            return


def test_ten_thousand_tied_items_come_once_each_while_others_come_and_go(tmp_path, settings):
    done = threading.Event()
    with running(real_parts(tmp_path), settings) as client:
        for start in range(0, N_TIES, 2_500):
            index(client, *({"id": f"tie {n}", "text": "red cat"} for n in range(start, start + 2_500)))

        def write() -> None:
            for n in range(10_000):
                if done.is_set():
                    return
                index(client, {"id": f"new {n}", "text": "red cat"}, {"id": "replaced", "text": "red cat", "payload": {"n": n}})
                client.delete(f"/index/tie%20{9_999 - n % 500}")

        writing = threading.Thread(target=write)
        writing.start()
        seen = [item_id for page in pages(client, "red cat", target="text", k=PAGE) for item_id in page]
        done.set()
        writing.join()
    counts = Counter(seen)
    assert max(counts.values()) == 1
    assert {f"tie {n}" for n in range(N_TIES - 500)} <= counts.keys() <= {f"tie {n}" for n in range(N_TIES)}
    numbers = [int(item_id.split()[1]) for item_id in seen]
    assert numbers == sorted(numbers)


def test_filters_pages_and_cursors_outlive_a_restart(tmp_path, settings):
    cheap = {"field": "price", "lt": 6}
    with running(real_parts(tmp_path), settings) as client:
        index(client, *({"id": f"{n}", "text": "red cat", "payload": {"price": n}} for n in range(10)))
        first = search(client, "red cat", target="text", k=4, filter=cheap)
    with running(real_parts(tmp_path), settings) as client:
        second = search(client, "red cat", target="text", k=4, filter=cheap, cursor=first["next_cursor"])
    assert [hit["id"] for hit in first["hits"] + second["hits"]] == ["0", "1", "2", "3", "4", "5"]
    assert second["next_cursor"] is None


def test_a_catalogue_of_before_filters_is_served_with_filters(tmp_path, settings):
    parts = real_parts(tmp_path)
    with running(parts, settings) as client:
        index(client, {"id": "a", "text": "red cat", "payload": {"tags": ["x"]}}, {"id": "b", "text": "red cat"})
    [path] = tmp_path.rglob("*.sqlite3")
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in ("DROP TABLE payload_leaves", *TO_SCHEMA_2, "UPDATE meta SET schema_version = 1"):
            connection.execute(statement)
    with running(real_parts(tmp_path), settings) as client:
        hits = search(client, "red cat", target="text", filter={"field": "tags", "eq": "x"})["hits"]
    assert [hit["id"] for hit in hits] == ["a"]
