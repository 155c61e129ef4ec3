"""A service that runs changes over to another bundle; a data folder with the wrong bundle in the settings still starts."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from app.assembly import start_services
from app.catalog import served_bundle
from app.catalog.sql import SqlCatalog
from app.data_dir import DataFolder
from app.main import create_app
from app.reindex_report import as_json
from app.reindex_run import Bundle, reindex, told
from model.errors import BundleNotFound, CatalogError
from tests.builders import FakeImageEncoder, FakeTextEncoder, index, is_problem, picture, real_parts, search, settings_for
from tests.fakes import FakeCodeCache, FakeCodeIndex

NEW_BITS = 32


def new_bundle(folder):
    return Bundle("new-bundle", NEW_BITS, folder, {"image": FakeImageEncoder(NEW_BITS), "text": FakeTextEncoder(NEW_BITS)})


def open_new(parts):
    """Opens parts as the composition root does, with the encoders of the new bundle."""
    url = DataFolder(parts.media.path("0" * 64).parents[2]).catalogue_url
    bundle_id, _ = served_bundle(url)
    catalog = SqlCatalog(url, bundle_id=bundle_id, n_bits=NEW_BITS)
    closing = ExitStack()
    closing.callback(parts.close)
    closing.callback(catalog.close)
    return replace(
        parts,
        bundle_id=bundle_id,
        encoders=new_bundle(None).encoders,
        indexes={modality: FakeCodeIndex(NEW_BITS) for modality in ("image", "text")},
        cache=FakeCodeCache(),
        catalog=catalog,
        close=closing.close,
    )


@pytest.fixture
def service(tmp_path):
    settings = settings_for(tmp_path, request_timeout_s=30)
    opener = {"open": open_new}
    app = create_app(
        settings, services=start_services(real_parts(tmp_path), settings), open_other=lambda parts: opener["open"](parts)
    )
    with TestClient(app) as client:
        index(client, {"id": "a", "text": "red cat", "image": "f"}, pictures={"f": picture("red cat")})
        index(client, {"id": "b", "text": "blue dog"})
        yield client, settings, opener


def until_changed(client):
    for _ in range(100_000):
        ready = client.get("/readyz").json()
        if ready["bundle_id"] == "new-bundle":
            return ready
        assert ready["status"] == "ready"
        assert search(client, "red cat")["hits"][0]["distance"] == 0
    raise AssertionError("the service did not change over")


def test_a_running_service_changes_over_and_never_stops_searching(service, tmp_path):
    client, settings, _ = service
    cursor = search(client, "cat", target="text", k=1)["next_cursor"]
    done = reindex(settings, new_bundle(tmp_path), switch=True, n_queries=10)
    assert (done["n_encoded"], done["failures"], done["switched"]) == (2, {}, True)
    ready = until_changed(client)
    assert (ready["status"], ready["n_bits"], ready["n_items"], ready["checks"]["bundle"]) == ("ready", NEW_BITS, 2, "ok")
    found = search(client, "red cat")
    assert [(hit["id"], hit["distance"]) for hit in found["hits"]] == [("a", 0)]
    assert len(found["query"]["code"]) == NEW_BITS // 4
    assert client.post("/search/id", json={"id": "a", "by": "text", "target": "text"}).status_code == 200
    assert index(client, {"id": "c", "text": "red cat"})["n_added"] == 1
    is_problem(
        client.post("/search/text", json={"query": "cat", "target": "text", "k": 1, "cursor": cursor}), 409, "bundle-mismatch"
    )


def test_judgements_of_the_old_bundle_count_for_nothing_after_the_change_and_are_refused(service, tmp_path):
    client, settings, _ = service
    query = search(client, "red cat")["query"]
    said = {"judgements": [{"query": query, "id": "a", "target": "image", "relevant": True}]}
    assert client.post("/feedback", json=said).json()["n_added"] == 1
    reindex(settings, new_bundle(tmp_path), switch=True, n_queries=10)
    until_changed(client)
    is_problem(client.post("/feedback", json=said), 409, "bundle-mismatch")
    assert client.get("/stats").json()["judgements"] == {}
    said["judgements"][0]["query"] = search(client, "red cat")["query"]
    assert client.post("/feedback", json=said).json()["n_added"] == 1
    assert [one["query"]["bundle_id"] for one in client.get("/feedback").json()["judgements"]] == ["fake-bundle", "new-bundle"]


def test_while_the_new_bundle_cannot_be_opened_the_old_one_searches_and_writes_are_asked_to_come_again(service, tmp_path):
    client, settings, opener = service

    def fails(parts):
        raise BundleNotFound("not there")

    opener["open"] = fails
    done = reindex(settings, new_bundle(tmp_path), switch=True, n_queries=10, patience_s=0)
    assert (done["switched"], done["served"]) == (True, "late")
    assert told(done).endswith("still answers by the old ones: its log says why\n")
    assert search(client, "red cat")["hits"][0]["id"] == "a"
    refused = client.post("/index", json={"items": [{"id": "c", "text": "x"}]})
    is_problem(refused, 503, "overloaded")
    assert "retry-after" in refused.headers
    is_problem(client.get("/index/a"), 503, "overloaded")
    ready = client.get("/readyz").json()
    assert (ready["status"], ready["checks"]["bundle"], ready["bundle_id"]) == ("ready", "changing", "fake-bundle")


def test_without_a_switch_it_is_only_reported(service, tmp_path):
    client, settings, _ = service
    done = reindex(settings, new_bundle(tmp_path), switch=False, n_queries=10)
    assert done["switched"] is False
    assert json.loads(json.dumps(as_json(done["changes"])))[0]["n_queries"] == 2
    assert "overlap@10" in told(done)
    assert told(done).endswith("the old bundle's codes are still served\n")
    assert client.get("/readyz").json()["bundle_id"] == "fake-bundle"


def test_a_bundle_that_is_served_already_and_a_folder_without_catalogue_are_told(service, tmp_path):
    _, settings, _ = service
    reindex(settings, new_bundle(tmp_path), switch=True, n_queries=10)
    assert told(reindex(settings, new_bundle(tmp_path), switch=True, n_queries=10)) == "this bundle's codes are served already\n"
    with pytest.raises(CatalogError, match="no catalogue"):
        reindex(settings_for(tmp_path / "none"), new_bundle(tmp_path), switch=True, n_queries=10)
