"""The manifest comes back as it was written, and a damaged one is refused with the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from huggingface_hub import ModelCard, metadata_eval_result

from model.errors import BundleCorrupt, BundleIncompatible
from model.manifest import FORMAT_VERSION, Manifest
from model.report_card import render_card
from tests.training_fixtures import LABEL_NAMES, small_manifest

FULL = {"training": {"epoch": 3, "learning_rate": 1e-4}, "evaluation": {"i2t_map": 0.7}, "origin": "Zürich", "files": {"a": "0f"}}


def raw(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(small_manifest(**FULL).to_json())
    return content | changes


def raw_encoder(**changes: Any) -> dict[str, Any]:
    content = raw()
    content["encoders"]["text"] |= changes
    return content


def test_a_manifest_comes_back_as_it_was_written() -> None:
    manifest = small_manifest(**FULL)
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_same_facts_give_the_same_bytes_in_whatever_order_they_came() -> None:
    assert Manifest.from_json(json.dumps(dict(reversed(raw().items()))).encode()).to_json() == small_manifest(**FULL).to_json()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b"7"])
def test_what_is_no_json_object_is_corrupt(content: bytes) -> None:
    with pytest.raises(BundleCorrupt, match=r"config\.json"):
        Manifest.from_json(content)


@pytest.mark.parametrize(
    "name", ["format_version", "method", "n_bits", "label_names", "encoders", "training", "evaluation", "files"]
)
def test_a_missing_field_is_named(name: str) -> None:
    content = raw()
    del content[name]
    with pytest.raises(BundleCorrupt, match=name):
        Manifest.from_json(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"n_bits": "64"}, "n_bits"),
        ({"n_bits": 12}, "multiple of 8"),
        ({"n_bits": 0}, "multiple of 8"),
        ({"label_names": "cat"}, "label_names"),
        ({"label_names": [1, 2]}, "label_names"),
        ({"encoders": {}}, "image"),
        ({"encoders": {"image": 1, "text": 2}}, "image"),
    ],
)
def test_a_field_of_another_kind_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BundleCorrupt, match=named):
        Manifest.from_json(json.dumps(raw(**changes)).encode())


@pytest.mark.parametrize(
    "changes", [{"feature_dim": "x"}, {"hidden_dims": 4}, {"hidden_dims": ["a"]}, {"unit_norm": 1}, {"backbone": None}]
)
def test_an_encoders_field_of_another_kind_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(BundleCorrupt, match=next(iter(changes))):
        Manifest.from_json(json.dumps(raw_encoder(**changes)).encode())


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1])
def test_another_format_is_refused_before_anything_else_is_read(version: int) -> None:
    with pytest.raises(BundleIncompatible, match=f"format {version}; this version of Bitlens reads format {FORMAT_VERSION}"):
        Manifest.from_json(json.dumps({"format_version": version}).encode())


def test_the_card_tells_what_the_bundle_is() -> None:
    card = render_card(small_manifest(**FULL), "abc123")
    for fact in ("abc123", "16 bits", "SCBCH", "`minilm-l6-v2`", "Zürich", "| i2t_map | 0.7000 |", *LABEL_NAMES):
        assert fact in card


def test_the_cards_figures_are_the_hubs_metadata() -> None:
    figures = {"i2t_map": 0.7, "t2i_map": 0.6, "mean_map": 0.65, "chance": 0.3, "n_query": 9}
    card = ModelCard(render_card(small_manifest(**(FULL | {"evaluation": figures, "license": "apache-2.0"})), "abc123"))
    facts, results = card.data.to_dict(), card.data.eval_results
    assert (facts["library_name"], facts["license"], facts["pipeline_tag"]) == ("bitlens", "apache-2.0", "feature-extraction")
    assert {each.metric_type: each.metric_value for each in results} == {name: figures[name] for name in list(figures)[:4]}
    assert {each.task_type for each in results} == {"feature-extraction"}
    for each in results:
        named = {"task_pretty_name": each.task_name, "dataset_pretty_name": each.dataset_name, "dataset_split": each.dataset_split}
        metric = {"metrics_pretty_name": each.metric_name, "metrics_id": each.metric_type, "metrics_value": each.metric_value}
        ids = {"task_id": each.task_type, "dataset_id": each.dataset_type, "model_pretty_name": card.data.model_name}
        index = metadata_eval_result(**ids, **named, **metric)["model-index"][0]["results"][0]
        assert index["metrics"][0]["value"] == figures[each.metric_type]
        (mine,) = (part for part in facts["model-index"][0]["results"] if part["dataset"] == index["dataset"])
        assert {name: value for name, value in index["metrics"][0].items() if name != "verified"} in mine["metrics"]


def test_a_licence_nobody_named_leaves_an_identity_as_it_was() -> None:
    assert b"license" not in small_manifest().to_json()
    assert Manifest.from_json(small_manifest(license="mit").to_json()).license == "mit"


def test_a_card_without_figures_says_so() -> None:
    card = render_card(small_manifest(), "abc123")
    assert "model-index" not in ModelCard(card).data.to_dict()
    assert "Not measured." in card
    assert "Not stated by whoever trained this bundle." in card
