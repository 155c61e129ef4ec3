"""The shipped bundle explains its hits over HTTP: with labels that fit, and with the certainties that its own encoder gives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.explanation import UNDECIDED_BELOW, certainty_of
from app.main import create_app
from app.query_schemas import SearchOut
from model.codes import sign_codes
from tests.builders import index, search, settings_for

TEXTS = {
    "dogs": "two dogs run on the grass",
    "cats": "a cat sleeps on a bed",
    "bus": "a red bus on a city street",
    "plane": "an airplane in the sky",
}


def picture() -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((240, 200), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(create_app(settings_for(tmp_path_factory.mktemp("photos")))) as client:
        items = [{"id": name, "text": text} for name, text in TEXTS.items()]
        index(client, *items, {"id": "picture", "image": "p"}, pictures={"p": picture()})
        yield client


def certainty(client: TestClient, text: str) -> np.ndarray[Any, Any]:
    [encoded] = client.post("/encode", json={"inputs": [{"text": text}]}).json()["results"]
    relaxed = np.array(encoded["relaxed"], np.float32)
    return certainty_of(relaxed, sign_codes(relaxed[None])[0])


@pytest.mark.parametrize(("query", "nearest", "label"), [("a kitten", "cats", "cat"), ("an old aeroplane", "plane", "airplane")])
def test_query_and_nearest_hit_share_a_label(client: TestClient, query: str, nearest: str, label: str) -> None:
    answer = search(client, query, target="text", k=1, explain=True)
    assert SearchOut.model_validate(answer).model_dump(exclude_unset=True) == answer
    [hit] = answer["hits"]
    assert hit["id"] == nearest
    assert label in [one["name"] for one in hit["explanation"]["labels"]]
    assert hit["explanation"]["summary"].startswith("Both are predicted to have: ")
    assert answer["query"]["explanation"]["labels_measured"]["on"]["data"] == "coco18"


def test_certainties_are_those_of_the_encoder(client: TestClient) -> None:
    answer = search(client, "a dog", target="text", k=4, explain=True)
    of_query = certainty(client, "a dog")
    assert answer["query"]["explanation"]["undecided_bits"] == np.flatnonzero(of_query < UNDECIDED_BELOW).tolist()
    for hit in answer["hits"]:
        of_hit, told = certainty(client, TEXTS[hit["id"]]), hit["explanation"]
        assert told["undecided_bits"] == np.flatnonzero(of_hit < UNDECIDED_BELOW).tolist()
        for bit in told["differing_bits"]:
            sides = of_query[bit["bit"]], of_hit[bit["bit"]]
            assert (bit["query"], bit["hit"], bit["weight"]) == pytest.approx((*sides, min(sides)), abs=2e-3)


def test_pictures_are_encoded_again(client: TestClient) -> None:
    [hit] = search(client, picture(), target="image", k=1, explain=True)["hits"]
    told = hit["explanation"]
    assert (hit["id"], hit["distance"], told["differing_bits"]) == ("picture", 0, [])
    assert told["distance_range"] == [0, told["n_undecided"]]
