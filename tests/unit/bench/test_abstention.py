"""Who abstains: which worlds there are, and what is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.abstention import abstaining, limits, measure_run, nearest_of, render
from bench.abstention_signals import code_signals, compare, feature_signals
from bench.abstention_signals import render as render_signals
from bench.abstention_worlds import World, abstract_glosses, apart, prose, random_texts, short_texts
from model.errors import ConfigError
from tests.builders import small_calibration
from tests.training_fixtures import LABEL_NAMES, ClusterData, open_run, small_config
from training.experiment import run_experiment

GLOSS = '00001740 {} n 01 thing 0 000 | {}; "an example"  '


def test_a_query_abstains_if_its_nearest_item_lies_beyond_the_radius() -> None:
    nearest = nearest_of(np.array([[0, 1, 0, 2, 0, 0, 0, 0, 0], [0, 0, 0, 0, 5, 0, 0, 0, 0], [0.0] * 9]))
    assert nearest.tolist() == [1, 4, 9]
    curve = small_calibration().curves["image", "text"]
    assert abstaining(nearest, curve, 0.95) == pytest.approx(2 / 3)
    assert abstaining(nearest, curve, 0.2) == pytest.approx(1 / 3)
    assert abstaining(nearest, curve, 0.99) == 1.0


def test_random_texts_are_the_same_each_time() -> None:
    texts = random_texts(5)
    assert texts == random_texts(5)
    assert len(set(texts)) == 5
    assert all(len(text.split()) == 4 for text in texts)


def test_worlds_apart_share_no_label_and_pairs_of_both_are_in_neither() -> None:
    parts = ClusterData(200).splits
    world, kept = apart(parts, LABEL_NAMES, LABEL_NAMES[4:])
    assert kept == LABEL_NAMES[:4]
    assert all(part.true_labels.shape[1] == 4 and part.true_labels.any(axis=1).all() for part in world.parts.values())
    of_train = parts["train"].true_labels
    assert len(world.parts["train"].image) == (of_train[:, 4:].sum(axis=1) == 0).sum() < len(of_train)
    n_foreign = sum(int((parts[name].true_labels[:, :4].sum(axis=1) == 0).sum()) for name in ("query", "gallery"))
    assert world.strangers["photographs"]["text"].shape == (n_foreign, 10)


@pytest.mark.parametrize("foreign", [["nothing"], [], list(LABEL_NAMES)])
def test_a_world_needs_labels_and_known_ones(foreign: list[str]) -> None:
    with pytest.raises(ConfigError, match="expected some of label 0"):
        apart(ClusterData(20).splits, LABEL_NAMES, foreign)


def test_glosses_are_those_of_abstract_nouns_without_examples() -> None:
    lines = [
        "  1 the licence",
        GLOSS.format("09", "the content of cognition"),
        GLOSS.format("05", "a four-legged animal of some sort"),
    ]
    assert abstract_glosses("\n".join(lines)) == ["the content of cognition"]


def test_short_texts_name_each_thing() -> None:
    texts = short_texts(["dog", "bus"])
    assert {"a dog", "a photo of a dog", "a bus in the city"} <= set(texts)
    assert len(texts) == 8


def test_prose_leaves_out_tables_headings_and_code(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "# A heading that is long enough\n\nOne `true` sentence\nof the page. No.\n\n| a table of some length |\n"
    )
    assert prose(tmp_path) == ["One true sentence of the page."]


def test_limits_are_taken_where_a_tenth_of_the_answerable_abstain() -> None:
    found = limits(np.array([0] * 9 + [5]), np.array([1, 1, 2, 0]), 9)
    assert found["unanswerable_at_aim"] == 0.75
    assert found["nearer_share"] == pytest.approx((9 * 0.75 + 9 * 0.25 * 0.5) / 10)


def test_a_runs_strangers_abstain_sooner(tmp_path: Path) -> None:
    config, data = small_config("training.epochs=5"), ClusterData(400)
    run = open_run(tmp_path, config)
    run_experiment(config, data, run)
    noise = {"noise": {"text": 5 * np.random.default_rng(0).normal(size=(60, 10)).astype(np.float32)}}
    found = measure_run(run, World(data.splits, noise))
    assert found["text"]["limits"]["noise"]["nearer_share"] > 0.5
    assert set(found["image-text"]["shares"]) == {"answerable", "label taken out"}
    assert "| text, noise | " in render(found)


def test_signals_find_what_is_unlike_anything_known() -> None:
    rng = np.random.default_rng(0)
    known = np.sign(rng.normal(size=(10, 16)))[rng.integers(10, size=400)] * rng.uniform(0.5, 0.9, (400, 16))
    strange, features = rng.uniform(-0.1, 0.1, (50, 16)), rng.normal(size=(200, 40)) * np.linspace(0.1, 3, 40)
    signals = code_signals(known[:200].astype(np.float32), known[:300].astype(np.float32), np.eye(16, dtype=np.float32))
    signals |= feature_signals(features.astype(np.float32))
    asked = {"answerable": (known[300:], features[:100]), "strangers": (strange, rng.normal(size=(50, 40)))}
    tables = {name: compare({kind: signal(*each) for kind, each in asked.items()}) for name, signal in signals.items()}
    tells = {name: found["strangers"]["nearer_share"] for name, found in tables.items()}
    blind = {"joint energy, negative", "Mahalanobis, relaxed codes"}  # strangers lie in the midst of all codes
    assert {name for name, share in tells.items() if share < 0.9} <= blind
    assert "| Mahalanobis, signs | 100% (1.00) |" in render_signals(tables)
