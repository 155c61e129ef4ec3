"""The page stands alone, takes names and texts as data, and shows as many pairs as were asked for."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from tests.audit_fixtures import NAMES, N, audited, pairs_of
from training.audit.page import render_page
from training.audit.thumbnails import Thumbnails
from training.datasets import FeaturePairs

FACTS = {"run": "<i>run</i>", "data": "photos & more", "n_pairs": N, "n_wrong_expected": 180.2, "n_accepted": 150, "threshold": 0.7}


@pytest.fixture(scope="module")
def page() -> str:
    audit = audited()
    return render_page(audit, FACTS, Thumbnails(pairs_of(audit.given_labels)), n_shown=12)


def test_names_texts_and_labels_are_data_on_the_page(page: str) -> None:
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<i>run" not in page
    assert "<b>bus</b>" not in page
    assert "&lt;b&gt;bus&lt;/b&gt;" in page


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    addresses = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)|@import", page)
    assert {found[0][:23] for found in addresses} == {"data:image/jpeg;base64,"}
    assert "default-src 'none'; img-src data:" in page


def test_the_most_suspicious_pairs_are_shown_each_with_a_box_a_label(page: str) -> None:
    audit = audited()
    shown = re.findall(r"<li class=\"card\".*?</li>", page, flags=re.DOTALL)
    assert [re.findall(r"data-id=\"(\w+)\"", card)[0] for card in shown] == [audit.ids[row] for row in audit.ranking[:12]]
    for card, row in zip(shown, audit.ranking, strict=False):
        boxes = re.findall(r"<input type=\"checkbox\" data-column=\"(\d)\"([^>]*)>", card)
        assert sorted(int(column) for column, _ in boxes) == list(range(len(NAMES)))
        assert {int(column) for column, marks in boxes if "checked" in marks} == set(audit.given_labels[row].nonzero()[0])
        assert {int(column) for column, marks in boxes if "data-suggested" in marks} == set(
            audit.suggested_labels[row].nonzero()[0]
        )


def test_pictures_are_small_jpegs() -> None:
    audit = audited()
    address = Thumbnails(pairs_of(audit.given_labels)).picture(3)
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    assert max(picture.size) <= 224


def test_a_data_set_of_features_has_a_page_without_pictures() -> None:
    audit = audited()
    none = audit.given_labels[:, :0].astype("float32")
    page = render_page(audit, FACTS, Thumbnails(FeaturePairs(none, none, audit.given_labels, "", "")), n_shown=3)
    assert "<img" not in page
    assert page.count('class="card"') == 3
