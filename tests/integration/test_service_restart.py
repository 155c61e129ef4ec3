"""The service over its real catalogue, pictures and index: what it acknowledged outlives it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.assembly import start_services
from app.data_dir import DataDir
from model.codes import hamming_distances
from model.errors import BundleMismatch, CatalogError
from tests.builders import index, picture, real_parts, running, search, settings_for

WORDS = ["red cat", "blue dog", "green bird", "white horse on a beach", "black cat", "grey cat with a hat"]


def fill(client):
    items = [{"id": f"i{n}", "text": words, "image": f"f{n}", "payload": {"n": n}} for n, words in enumerate(WORDS)]
    index(client, *items, pictures={f"f{n}": picture(words) for n, words in enumerate(WORDS)})


def everything(client):
    """What each item and each search answers."""
    items = [client.get(f"/index/i{n}").json() for n in range(len(WORDS))]
    return items, [search(client, words, target=target)["hits"] for words in WORDS for target in ("image", "text")]


def test_after_a_restart_everything_answers_as_before(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        fill(client)
        client.delete("/index/i4")
        index(client, {"id": "i0", "text": "yellow bus"})
        before = everything(client)
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        assert everything(client) == before
        assert client.get("/index/i1/image").content == picture(WORDS[1])
        assert client.get("/readyz").json()["n_items"] == len(WORDS) - 1


def test_search_over_http_equals_brute_force(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        fill(client)
        codes = [bytes.fromhex(client.get(f"/index/i{n}").json()["codes"]["image"]) for n in range(len(WORDS))]
        answer = search(client, "grey cat on a beach")
        query = np.frombuffer(bytes.fromhex(answer["query"]["code"]), np.uint8)[None]
        distances = hamming_distances(query, np.frombuffer(b"".join(codes), np.uint8).reshape(len(codes), -1))[0]
        expected = [(f"i{n}", int(distances[n])) for n in np.argsort(distances, kind="stable")]
        assert [(hit["id"], hit["distance"]) for hit in answer["hits"]] == expected


def test_pictures_that_no_item_refers_to_are_swept_at_the_start(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        fill(client)
    orphan = tmp_path / "media" / "ab" / ("ab" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"left behind by a crash")
    os.utime(orphan, (1, 1))
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        assert not orphan.exists()
        assert client.get("/index/i0/image").status_code == 200


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path):
    first = DataDir(tmp_path)
    with pytest.raises(CatalogError, match="in use by another process"):
        DataDir(tmp_path)
    first.close()
    DataDir(tmp_path).close()


def test_another_bundles_catalogue_is_refused_and_the_folder_is_free_again(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        fill(client)
    with pytest.raises(BundleMismatch):
        real_parts(tmp_path, bundle_id="another")
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        assert client.get("/readyz").status_code == 200


def test_a_damaged_catalogue_is_refused(tmp_path):
    (tmp_path / "catalogue.sqlite3").write_bytes(b"this is no database" * 100)
    with pytest.raises(CatalogError):
        real_parts(tmp_path)


def test_a_catalogue_whose_pictures_cannot_be_written_acknowledges_nothing(tmp_path):
    parts = real_parts(tmp_path)
    with running(parts, settings_for(tmp_path)) as client:
        (tmp_path / "media").rmdir()
        (tmp_path / "media").write_text("no folder")
        files = {"items": (None, '[{"id": "a", "image": "f"}]'), "f": ("f", picture())}
        response = client.post("/index", files=files)
        assert (response.status_code, response.json()["type"]) == (503, "/problems/catalogue-unavailable")
        assert client.get("/index/a").status_code == 404
        assert client.get("/readyz").json()["n_items"] == 0


def test_the_index_is_rebuilt_in_blocks(tmp_path):
    with running(real_parts(tmp_path), settings_for(tmp_path, max_batch_items=5000)) as client:
        index(client, *({"id": str(n), "text": f"word{n % 50}"} for n in range(2000)))
    parts = real_parts(tmp_path)
    services = start_services(parts, settings_for(tmp_path))
    assert (len(parts.indexes["text"]), len(parts.indexes["image"])) == (2000, 0)
    assert services.writer.state() == (2000, True)
    for pool in services.pools:
        pool.close()
    parts.close()


def test_a_start_loads_the_snapshot_of_the_last_stop_and_a_damaged_one_does_no_harm(tmp_path, caplog):
    caplog.set_level("INFO")
    with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
        fill(client)
        before = everything(client)
    for damaged in (False, True):
        if damaged:
            (tmp_path / "index.snapshot").write_bytes(b"damaged")
        caplog.clear()
        with running(real_parts(tmp_path), settings_for(tmp_path)) as client:
            assert everything(client) == before
            assert client.get("/readyz").json()["checks"]["index"] == "ok"
        assert ("its snapshot cannot be used" in caplog.text) == damaged


def test_searches_while_items_are_replaced_and_deleted_show_whole_items_only(tmp_path):
    def write(client: TestClient) -> None:
        for turn in range(30):
            index(client, {"id": "x", "text": f"red cat {turn}", "payload": {"turn": turn}}, {"id": f"y{turn}", "text": "red"})
            client.delete(f"/index/y{turn}")

    with running(real_parts(tmp_path), settings_for(tmp_path, rate_limit="off")) as client, ThreadPoolExecutor(1) as another:
        fill(client)
        writing = another.submit(write, client)
        while not writing.done():
            hits = search(client, "red cat", target="text", k=3)["hits"]
            assert len(hits) == 3
            assert len({hit["id"] for hit in hits}) == 3
            assert all(hit["text"].endswith(str(hit["payload"]["turn"])) for hit in hits if hit["id"] == "x")
        writing.result()
        assert client.get("/readyz").json()["n_items"] == len(WORDS) + 1


ODD = (
    st.text()
    | st.integers()
    | st.none()
    | st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.floats(), max_size=3)
)


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries({"id": st.text(max_size=5), "text": ODD, "payload": ODD}), max_size=5))
def test_whatever_the_checks_let_through_the_catalogue_takes(tmp_path_factory, items):
    body = json.dumps({"items": items})
    folder = tmp_path_factory.mktemp("odd")
    with running(real_parts(folder), settings_for(folder)) as client:
        answer = client.post("/index", content=body, headers={"content-type": "application/json"})
        if answer.status_code != 200:
            assert answer.status_code == 422
            return
        for item in [item for item, result in zip(items, answer.json()["results"], strict=True) if result["status"] != "failed"]:
            assert client.get("/index/" + quote(item["id"], safe="")).json()["id"] == item["id"]
        assert client.get("/readyz").json()["checks"]["index"] == "ok"
