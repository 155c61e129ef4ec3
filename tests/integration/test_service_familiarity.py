"""The shipped bundle, served: its graphs show features, so that a query of another world is told, and codes stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from model.codes import pack_codes, sign_codes
from model.served import ServedBundle
from tests.builders import index, picture, search, settings_for

PHOTOS = Path(__file__).resolve().parents[2] / "bundles" / "photos-64"
FAMILIAR = ["a dog on the grass", "A man rides a bicycle down a busy street.", "two boats at sea"]
STRANGE = ["the treaty was signed in the spring", "import numpy as np", "xq zzv wkrt"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(create_app(settings_for(tmp_path_factory.mktemp("service"), bundle=PHOTOS))) as client:
        index(client, *({"id": text, "text": text} for text in FAMILIAR))
        yield client


def test_it_tells_the_familiar_from_the_strange(client: TestClient) -> None:
    found = {text: search(client, text)["query"]["familiarity"] for text in FAMILIAR + STRANGE}
    assert all(found[text] > 0.1 for text in FAMILIAR)
    assert all(found[text] < 0.02 for text in STRANGE)
    assert search(client, picture(size=(300, 200)))["query"]["familiarity"] < 0.02  # one colour is no photograph


def test_a_stranger_is_no_match_where_that_is_wanted(client: TestClient) -> None:
    asked = {"target": "text", "min_familiarity": 0.02}
    answers = [search(client, text, **asked) for text in (FAMILIAR[0], STRANGE[0])]
    assert [(answer["no_match"], answer["no_match_reason"]) for answer in answers] == [(False, None), (True, "unfamiliar")]
    assert client.get("/stats").json()["familiarity"]["text"]["n_abstained"] == 1


def test_showing_features_changes_no_code(client: TestClient) -> None:
    encoders = ServedBundle.open(PHOTOS).encoders()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8))
    calibration = ServedBundle.open(PHOTOS).calibration
    assert calibration is not None
    shown = ServedBundle.open(PHOTOS).encoders(shown=calibration.feature_values)["image"]
    prepared = [encoders["image"].prepare(image)]
    np.testing.assert_array_equal(shown.encode(prepared), encoders["image"].encode(prepared))
    for text in FAMILIAR + STRANGE:
        plain = encoders["text"].encode([encoders["text"].prepare(text)])
        assert search(client, text)["query"]["code"] == pack_codes(sign_codes(plain)).tobytes().hex()
