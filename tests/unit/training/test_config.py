"""Configurations: shipped ones load, every mistake is told at once, what is resolved comes back the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import training
from model.errors import ConfigError
from tests.training_fixtures import small_config
from training.config import RunConfig, load_config, make_config
from training.methods import METHODS
from training.methods.scbch import ScbchOptions

SHIPPED = sorted((Path(training.__file__).parent / "configs").glob("*.toml"))


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_configurations_load(file: Path) -> None:
    assert load_config(file).method.name in METHODS


def test_defaults_are_the_recipe_of_the_reference() -> None:
    config = make_config({})
    options = config.method.checked_options()
    assert isinstance(options, ScbchOptions)
    assert (options.contrastive_weight, options.quantization_weight) == (0.7, 0.3)
    assert (options.reliability_floor, options.reliability_from_epoch, options.n_neighbours) == (0.5, 6, 20)
    assert (options.margin, options.shift) == (0.3, 1.1)
    training = config.training
    assert (training.learning_rate, training.weight_decay, training.batch_size) == (1e-4, 1e-5, 128)


@pytest.mark.parametrize("config", [make_config({}), small_config(), *map(load_config, SHIPPED)])
def test_a_resolved_configuration_comes_back_the_same(config: RunConfig, tmp_path: Path) -> None:
    again = load_config(written(tmp_path, config.to_toml()))
    assert again == config
    assert again.to_toml() == config.to_toml()
    assert again.method.checked_options() == config.method.checked_options()


def test_every_default_is_written_out() -> None:
    sections = tomllib.loads(make_config({}).to_toml())
    assert sections["method"]["options"]["reliability_floor"] == 0.5
    assert sections["training"]["patience"] > 0
    assert set(sections) == {"data", "features", "noise", "method", "training", "bundle"}


@pytest.mark.parametrize(
    ("override", "section", "name", "wanted"),
    [
        ("training.n_bits=128", "training", "n_bits", 128),
        ("training.learning_rate = 3e-4", "training", "learning_rate", 3e-4),
        ("noise.rate=0.5", "noise", "rate", 0.5),
        ('data.text_column="caption"', "data", "text_column", "caption"),
        ("data.text_column=caption", "data", "text_column", "caption"),
        ("data.text_column=a=b", "data", "text_column", "a=b"),
        ("bundle.origin=photographs, CC BY", "bundle", "origin", "photographs, CC BY"),
    ],
)
def test_overrides_lie_over_the_file(override: str, section: str, name: str, wanted: object, tmp_path: Path) -> None:
    file = written(tmp_path, "[training]\nn_bits = 16\nepochs = 3\n")
    config = load_config(file, [override])
    assert getattr(getattr(config, section), name) == wanted
    assert config.training.epochs == 3


def test_overrides_reach_a_methods_own_options_and_the_last_one_wins() -> None:
    config = make_config({}, ["method.options.text_hidden=[8, 8]", "method.options.margin=0.1", "method.options.margin=0.2"])
    assert (config.method.checked_options().text_hidden, config.method.checked_options().margin) == ((8, 8), 0.2)


def test_every_mistake_is_told_at_once_and_names_its_key(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """
        stray = 1
        [training]
        n_bits = 12
        epochs = 0
        speed = "fast"
        [noise]
        rate = 1.5
        [features]
        image_backbone = "vgg"
        [method.options]
        margin = -1
        flavour = 3
        """,
    )
    with pytest.raises(ConfigError) as raised:
        load_config(file, ["training.seed=one", "nonsense", "noise.rate.deep=1"])
    told = str(raised.value)
    for key in ("stray", "training.n_bits", "training.epochs", "training.speed", "features.image_backbone", "training.seed"):
        assert f"\n{key}: " in f"\n{told}"
    for words in (
        "method.options: margin",
        "flavour",
        "--set nonsense: expected section.key=value",
        "noise.rate.deep=1: rate is a value",
    ):
        assert words in told
    assert len(raised.value.mistakes) == len(set(raised.value.mistakes)) == 10


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("method.name=magic", "method.name: no such method; known are "),
        ("features.text_backbone=bert", "no such backbone; known are efficientnet-lite0"),
        ("training.nbits=32", "training.nbits: no such setting (did you mean n_bits?)"),
        ("trainig.n_bits=32", "trainig: no such setting (did you mean training?)"),
        ("noise.kind=flip", "noise.kind: no such setting (there are rate, seed)"),
        ("method.options.marge=1", "method.options: marge: no such setting (did you mean margin?)"),
        ("training.validation_fraction=1", "training.validation_fraction: "),
        ("training.n_bits=63", "multiple of 8"),
        ("training.learning_rate=nan", "training.learning_rate: "),
        ("training.learning_rate=inf", "training.learning_rate: "),
        ("method.options.n_neighbours=0", "n_neighbours"),
        ("method.options.image_hidden=[0]", "image_hidden"),
        ("method.options.reliability_floor=2", "reliability_floor"),
        ("method.options.shift=nan", "shift"),
        ("method.options.shift=inf", "shift"),
        ("training.seed=-1", "training.seed: "),
        ("noise.seed=-1", "noise.seed: "),
        ("training.average_decay=1", "training.average_decay: "),
        ("training.precision=half", "training.precision: "),
        ("training.schedule=linear", "training.schedule: "),
        ("training.selection=train", "training.selection: "),
        ("training.device=abacus", "training.device: "),
        ("data.split_seed=-1", "data.split_seed: "),
        ("=3", "--set =3: expected section.key=value"),
        ("training.=3", "expected section.key=value"),
    ],
)
def test_a_value_out_of_bounds_is_refused(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        make_config({}, [override])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml: cannot be read: No such file"):
        load_config(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    "name", ["photos", "photos.toml", "configs/photos.toml", "configs/photos", "training/configs/photos.toml", "./photos"]
)
def test_a_shipped_configuration_is_found_by_its_name_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config(Path(name)) == load_config(Path(training.__file__).parent / "configs" / "photos.toml")


def test_a_file_goes_before_a_shipped_configuration_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos.toml").write_text("[training]\nepochs = 3\n")
    assert load_config(Path("photos.toml")).training.epochs == 3


@pytest.mark.parametrize("name", ["runs/photos.toml", "fotos", "configs/../photos"])
def test_what_is_neither_a_file_nor_shipped_lists_what_is_shipped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"cannot be read: No such file.*; configurations that are shipped: .*mscoco_scbch_64.*photos"
    ):
        load_config(Path(name))


@pytest.mark.parametrize(
    ("name", "margin", "shift"),
    [("mirflickr", 0.15, 0.8), ("nuswide", 0.2, 1.0), ("mscoco", 0.3, 1.1), ("iaprtc12", 0.3, 1.2)],
)
def test_the_benchmarks_have_the_references_settings(name: str, margin: float, shift: float) -> None:
    config = load_config(Path(f"configs/{name}_scbch_64.toml"))
    options, loop = config.method.checked_options(), config.training
    assert (options.margin, options.shift, options.image_hidden, options.text_hidden) == (margin, shift, (8192, 8192), (8192,))
    assert (options.contrastive_weight, options.quantization_weight) == (0.7, 0.3)
    assert (loop.n_bits, loop.epochs, loop.batch_size, loop.learning_rate, loop.weight_decay, loop.seed) == (
        64,
        50,
        128,
        1e-4,
        1e-5,
        123,
    )


@pytest.mark.parametrize("content", [b"[training", b"n_bits", b"\xff\xfe\x00"])
def test_a_file_that_is_no_toml_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml: is not TOML"):
        load_config(tmp_path / "broken.toml")
