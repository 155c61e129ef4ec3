"""Words of captions are learnt beside given labels, and by nobody but the method."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.bundle import EncoderBundle
from model.errors import ConfigError
from tests.feature_folders import small_benchmark, write_benchmark
from tests.pair_folders import rows_of, write_image_folder
from tests.training_fixtures import LABEL_NAMES, ClusterData, open_run, small_config
from training.caption_words import CaptionWords, find_caption_words
from training.checkpoint import read_tensors
from training.config import make_config
from training.evaluation import LabelledCodes, evaluate_within
from training.experiment import encode_pairs, make_trainer, run_experiment
from training.export import export_bundle
from training.inputs import PairFeatures, data_facts, read_pairs

TEXTS = ["A dog and an elephant", "two dogs in the grass", "elephants in the grass", "an elephant", "the zoo bus", "buses, buses!"]


def found(texts: list[str] = TEXTS, *, n_words: int = 10, min_captions: int = 1, max_share: float = 1.0) -> CaptionWords:
    return find_caption_words(texts, ("cat", "Dog"), n_words=n_words, min_captions=min_captions, max_share=max_share)


def test_a_plural_is_its_singular_and_stop_words_are_none() -> None:
    words = found()
    assert words.words == ("bus", "dog", "elephant", "grass", "zoo")
    assert words.present.tolist() == [
        [0, 1, 1, 0, 0],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 0],
    ]


def test_a_plural_stays_where_its_singular_is_not_frequent() -> None:
    assert found(["two skis", "old skis", "a ski", "a box", "boxes"], min_captions=2).words == ("skis",)
    assert found(["ponies", "a pony", "the news"]).words == ("news", "pony")


@pytest.mark.parametrize(
    ("bounds", "wanted"),
    [
        ({"n_words": 1}, ("elephant",)),
        ({"min_captions": 2}, ("elephant", "grass")),
        ({"max_share": 0.4}, ("bus", "dog", "grass", "zoo")),
        ({"min_captions": 7}, ()),
        ({"max_share": 0.0}, ()),
    ],
)
def test_words_are_bounded_by_number_and_by_how_often_they_occur(bounds: dict[str, float], wanted: tuple[str, ...]) -> None:
    words = found(**bounds)  # type: ignore[arg-type]
    assert (words.words, words.present.shape) == (wanted, (len(TEXTS), len(wanted)))


def test_captions_of_stop_words_alone_have_none() -> None:
    assert found(["the", "of the"]).words == ()


def test_a_word_that_equals_a_given_label_is_that_label_and_the_others_come_behind() -> None:
    words, given = found(["a dog", "grass", "dogs in grass"]), np.array([[1, 0], [1, 1], [1, 0]], np.uint8)
    assert (words.words, words.label_of) == (("dog", "grass"), (1, -1))
    assert words.join(given).tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 1]]
    assert given.tolist() == [[1, 0], [1, 1], [1, 0]]


def test_words_are_read_of_the_training_split_alone_and_told_among_the_facts(tmp_path: Path) -> None:
    data = write_image_folder(tmp_path, {split: rows_of(split, 4) for split in ("train", "query", "gallery")})
    config = make_config({"data": {"caption_words": 5, "caption_words_min": 4, "caption_words_max_share": 1.0}})
    with_words, without = (read_pairs(each, data, cache_dir=tmp_path / "cache") for each in (config, make_config({})))
    facts = data_facts(with_words, data)
    assert facts.pop("caption_words")["n"] == 2  # "train" and "text"
    assert facts == data_facts(without, data)
    assert (with_words.query.caption_words, with_words.gallery.caption_words) == (None, None)  # type: ignore[union-attr]
    other = replace(found(), label_of=(0, 1, -1, -1, -1))
    assert other.facts() != found().facts() == found().facts()


def with_words(data: ClusterData) -> ClusterData:
    """Gives a word to each label's bearers: names that are no labels."""
    labels = data.splits["train"].true_labels
    words = CaptionWords(tuple("abcdef"), labels, (-1,) * labels.shape[1])
    data.splits["train"] = replace(data.splits["train"], caption_words=words)
    return data


@pytest.mark.parametrize("method", ["scbch", "hero", "dcmh"])
def test_a_method_learns_words_while_a_run_keeps_given_labels(tmp_path: Path, method: str) -> None:
    config = small_config("training.epochs=2", method=method)
    run, data = open_run(tmp_path / "run", config), with_words(ClusterData())
    trainer, labels = make_trainer(config, data("train"))
    report = run_experiment(config, data, run)
    assert trainer._train.given_labels.shape[1] == 12
    assert read_tensors(run.labels)[0]["given_labels"].shape[1] == labels.given_labels.shape[1] == 6
    assert report["caption_words"] == list("abcdef")
    assert "6 words of captions learnt beside the labels" in (run.path / "report.md").read_text()
    bundle = export_bundle(run, tmp_path / "bundle")
    assert bundle.manifest.label_names == LABEL_NAMES
    assert "6 frequent words of the training captions" in (tmp_path / "bundle" / "README.md").read_text()
    assert all(each.shape == (16, 6) for each in EncoderBundle.from_pretrained(tmp_path / "bundle").classifiers.values())


def test_feature_files_have_no_captions(tmp_path: Path) -> None:
    data = write_benchmark(tmp_path / "data", "MIRFlickr-25K", small_benchmark())
    config = make_config({"data": {"caption_words": 5, "n_query": 10, "n_train": 30}})
    with pytest.raises(ConfigError, match=r"data\.caption_words: ready-made features come without captions"):
        read_pairs(config, data, cache_dir=tmp_path / "cache")


def world(seed: int, n: int) -> tuple[PairFeatures, np.ndarray]:
    """Returns pairs of two given labels and four things that their captions alone name: an elephant, a pizza, a kite, a sofa."""
    rng, directions = np.random.default_rng(seed), np.random.default_rng(7)
    labels, things = np.eye(2, dtype=np.uint8)[rng.integers(2, size=n)], np.eye(4, dtype=np.uint8)[rng.integers(4, size=n)]
    sides = [
        np.hstack([2 * labels, things]) @ directions.normal(size=(6, dim)) + 0.3 * rng.normal(size=(n, dim)) for dim in (12, 10)
    ]
    image, text = (side.astype(np.float32) for side in sides)
    captions = [f"the {('elephant', 'pizza', 'kite', 'sofa')[thing]}" for thing in things.argmax(axis=1)]
    words = find_caption_words(captions, ("day", "night"), n_words=9, min_captions=5, max_share=0.5)
    return PairFeatures(image, text, labels, caption_words=words), things


def test_a_thing_that_only_captions_name_is_found_by_those_who_learnt_words(tmp_path: Path) -> None:
    (train, _), (query, things) = world(1, 400), world(2, 200)
    config, figures = small_config("noise.rate=0", "training.epochs=12"), {}
    for name, seen in (("with", train), ("without", replace(train, caption_words=None))):
        trainer, labels = make_trainer(config, seen)
        for epoch in range(1, 13):
            trainer.run_epoch(epoch)
        codes = encode_pairs(trainer, query)
        figures[name] = [
            evaluate_within(LabelledCodes(codes.image, codes.text, each)).mean_map for each in (things, query.true_labels)
        ]
    assert figures["with"][0] > 0.6 > 0.3 > figures["without"][0], figures
    assert figures["with"][1] > 0.9, figures
