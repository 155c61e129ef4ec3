import numpy as np
import pytest
from starlette.testclient import TestClient

from app.catalog.sql import SqlCatalog
from app.data_dir import DataFolder
from bench.plain_service import make_app
from bench.result import Result
from bench.serve import OURS, PLAIN, Round, tell
from bench.serve_load import Load, Loader
from bench.serve_world import captions, fill, item_of


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, 256, (50, 8), np.uint8)


def test_captions_all_differ():
    assert len(set(captions(1000))) == 1000


def test_a_folder_is_filled_once_with_what_the_service_can_read(tmp_path, codes):
    for _ in range(2):
        fill(tmp_path, codes, "bundle")
    catalog = SqlCatalog(DataFolder(tmp_path).catalogue_url, bundle_id="bundle", n_bits=64)
    items = list(catalog.scan())
    catalog.close()
    assert [item.image_code for item in items] == [code.tobytes() for code in codes]
    assert {"id": items[7].item_id, "text": items[7].text, "payload": items[7].payload} == item_of(7)


def test_the_plain_service_finds_what_is_nearest(codes):
    with TestClient(make_app(codes, {"a text": codes[3:4]})) as client:
        hits = client.post("/search/text", json={"query": "a text", "k": 3}).json()["hits"]
    assert hits[0]["distance"] == 0
    assert [hit["distance"] for hit in hits] == sorted(hit["distance"] for hit in hits)


def test_each_new_text_and_picture_is_asked_for_once():
    loader = Loader(["a", "b"])
    for kind in ("new text", "new image"):
        assert len({loader._request(kind, number)[2] for number in range(6)}) == 6
    assert len({loader._request("cached text", number)[2] for number in range(6)}) == 2


def rounds(*cpu_us):
    return [Round(Load(100, 1.0, 2.0, 5.0, 0), each) for each in cpu_us]


def test_cached_texts_over_eight_connections_reach_their_targets_beside_the_plain_server():
    result = Result("serve", "Serving", {})
    tell(result, "cached text", 8, {OURS: rounds(100.0, 200.0), PLAIN: rounds(1000.0, 1000.0)})
    assert result.targets["cached_text"].value == 7.5
    assert result.targets["cached_text_cpu"].value == 150.0
    assert [row["server"] for row in result.rows] == [OURS, PLAIN]


def test_new_texts_and_pictures_reach_theirs_over_one_connection():
    result = Result("serve", "Serving", {})
    for kind in ("new text", "new image"):
        for n in (1, 8):
            tell(result, kind, n, {OURS: rounds(100.0 * n)})
    assert result.targets.keys() == {"new_text_p50", "new_image_p50"}
