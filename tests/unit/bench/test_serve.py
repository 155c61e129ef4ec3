import numpy as np
import pytest
from starlette.testclient import TestClient

from app.catalog.sql import SqlCatalog
from app.data_dir import DataFolder
from bench.plain_service import make_app
from bench.serve import Row, table
from bench.serve_load import Loader, rounds
from bench.serve_world import captions, codes_around, fill, item_of


@pytest.fixture
def codes():
    return codes_around(np.arange(40, dtype=np.uint8).reshape(5, 8), 50)


def test_captions_all_differ_and_codes_lie_around_their_centres(codes):
    assert len(set(captions(1000))) == 1000
    assert (codes.shape, codes.dtype) == ((50, 8), np.uint8)
    centres = np.unpackbits(np.arange(40, dtype=np.uint8).reshape(5, 8), axis=1)
    nearest = [min((bits != centre).sum() for centre in centres) for bits in np.unpackbits(codes, axis=1)]
    assert max(nearest) <= 16


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


def test_who_comes_first_changes_from_round_to_round():
    assert list(rounds(2, ["ours", "plain"])) == [(0, "ours"), (0, "plain"), (1, "plain"), (1, "ours")]


def test_each_new_text_and_picture_is_asked_for_once():
    loader = Loader(["a", "b"])
    for kind in ("new text", "new image"):
        assert len({loader._request(kind, number)[2] for number in range(6)}) == 6
    assert len({loader._request("cached text", number)[2] for number in range(6)}) == 2


def test_the_table_leaves_out_what_was_not_measured():
    row = Row("new text", 8, 1.0, 2.0, 300.0, 400.0, None, None, 0)
    assert table([row]).splitlines()[-1] == "| new text | 8 | 1.00 | 2.00 | 300 | 400 |  |  |"
