"""The configuration of a run: one TOML file, settings overridden on the command line, every mistake told at once.

Decides names, defaults and bounds. Does not know what is done with them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator
from pydantic_core import ErrorDetails

from model.backbones import check_backbone_name
from model.errors import ConfigError
from training.methods import METHODS

PositiveInt = Annotated[int, Field(gt=0)]
BackboneName = Annotated[str, AfterValidator(check_backbone_name)]
Share = Annotated[float, Field(ge=0, le=1)]
_CONFIGS = Path(__file__).parent / "configs"
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def _options_model(method: str) -> type[BaseModel]:
    """Makes a model of a method's options, so that their annotations are checked and stray names refused."""
    options_type = METHODS[method].options_type
    hints = get_type_hints(options_type, include_extras=True)
    options: dict[str, Any] = {field.name: (hints[field.name], field.default) for field in fields(options_type)}
    return create_model(options_type.__name__, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **options)


def _mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    return [f"{'.'.join(map(str, each['loc']))}: {_words(each, model)}" for each in error.errors()]


def _words(mistake: ErrorDetails, model: Any) -> str:
    """Says what is wrong; of a name that there is not, which ones there are."""
    if mistake["type"] != "extra_forbidden":
        return mistake["msg"].removeprefix("Value error, ")
    for section in mistake["loc"][:-1]:
        model = model.model_fields[str(section)].annotation
    near = get_close_matches(str(mistake["loc"][-1]), model.model_fields, n=1)
    return f"no such setting ({f'did you mean {near[0]}?' if near else 'there are ' + ', '.join(model.model_fields)})"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)


class DataSection(_Section):
    """How the data set is read: names of columns and (of ``datasets:NAME``) of splits, and how splits are cut where it has none.

    ``n_query`` and ``n_train`` are for feature files: the first rows are queries, the next ones trained on; 0 stands for the
    numbers (or shares) of the benchmark's reference split. ``corrected_labels``: file of labels for the given ones of train.
    ``caption_words``: at most so many words that stand in ``caption_words_min`` of train's captions or more, but in no larger share
    than ``caption_words_max_share``, are learnt beside the given labels; 0 for none.
    """

    image_column: str = "image"
    text_column: str = "text"
    labels_column: str = "labels"
    id_column: str = "id"
    train_split: str = "train"
    query_split: str = "query"
    gallery_split: str = "gallery"
    split_seed: Seed = 0
    n_query: Annotated[int, Field(ge=0)] = 0
    n_train: Annotated[int, Field(ge=0)] = 0
    corrected_labels: str = ""
    caption_words: Annotated[int, Field(ge=0)] = 0
    caption_words_min: PositiveInt = 25
    caption_words_max_share: Share = 0.1


class FeaturesSection(_Section):
    """Which frozen backbones give the features; passed over where the data set consists of ready-made features."""

    image_backbone: BackboneName = "efficientnet-lite0-conse"
    text_backbone: BackboneName = "minilm-l6-v2"
    batch_size: PositiveInt = 32


class NoiseSection(_Section):
    """Label noise added to the training split, for experiments; ``rate`` is a share of samples."""

    rate: Share = 0.0
    seed: Seed = 123


class MethodSection(_Section):
    """The hashing method, and its own settings, which are checked against the method's options."""

    name: str = "scbch"
    options: dict[str, Any] = {}

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in METHODS:
            raise ValueError(f"no such method; known are {', '.join(sorted(METHODS))}")
        return name

    @field_validator("options")
    @classmethod
    def _fit_the_method(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "name" not in info.data:
            return options
        model = _options_model(info.data["name"])
        try:
            return model.model_validate(options).model_dump()
        except ValidationError as error:
            raise ValueError("; ".join(_mistakes(error, model))) from error

    def checked_options(self) -> Any:
        """Returns the options as the method's own dataclass."""
        return METHODS[self.name].options_type(**self.options)


class TrainingSection(_Section):
    """The loop: Adam; the epoch with the best mean mAP is kept, and training ends early when it lies ``patience`` epochs back.

    ``precision``: ``medium`` computes in float32 but lets matrix products round their factors to bfloat16 (several times as fast on
    CPUs with AMX); ``bfloat16`` and ``float16`` are mixed precision. ``schedule``: ``cosine`` lets the learning rate fall to 0 over
    ``epochs``. ``average_decay``: if above 0, exponential averages of the weights are validated, kept and exported. ``selection``:
    ``validation`` chooses the epoch by given labels of pairs cut from train; ``query`` is the protocol of published tables: nothing
    is cut, and the epoch is chosen by true labels of the query split, which flatters. ``keep``: ``last`` keeps the last epoch,
    whatever is said. ``alarms``: if numbers are not finite or, from ``alarm_from_epoch`` on, codes collapse. ``tensorboard``: logs.
    """

    n_bits: Annotated[int, Field(gt=0, multiple_of=8)] = 64
    epochs: PositiveInt = 30
    patience: PositiveInt = 8
    batch_size: Annotated[int, Field(gt=1)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 1e-5
    schedule: Literal["constant", "cosine"] = "constant"
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Seed = 123
    selection: Literal["validation", "query"] = "validation"
    keep: Literal["best", "last"] = "best"
    validation_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    device: Literal["auto", "cpu"] = "auto"
    precision: Literal["float32", "medium", "bfloat16", "float16"] = "float32"
    threads: PositiveInt = 1
    alarms: Literal["stop", "warn", "off"] = "stop"
    alarm_from_epoch: PositiveInt = 10
    tensorboard: bool = True


class BundleSection(_Section):
    """What the bundle's card says; ``license`` as the hub names licences, such as ``apache-2.0``."""

    origin: str = ""
    license: str = ""


class RunConfig(_Section):
    """All of it."""

    data: DataSection = DataSection()
    features: FeaturesSection = FeaturesSection()
    noise: NoiseSection = NoiseSection()
    method: MethodSection = MethodSection()
    training: TrainingSection = TrainingSection()
    bundle: BundleSection = BundleSection()

    def to_toml(self) -> str:
        """Returns the resolved configuration, every default written out."""
        return tomli_w.dumps(self.model_dump())


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Reads a configuration file and lays the overrides over it.

    Args:
        path: TOML file; where there is none, ``configs/NAME.toml``, ``NAME.toml`` or ``NAME`` means the shipped one of that name.
        overrides: ``section.key=value`` each; the value in TOML, or else taken as a string.

    Returns:
        The configuration, defaults filled in.

    Raises:
        ConfigError: If the file cannot be read or anything in it or in the overrides is wrong; lists every mistake.
    """
    try:
        raw = tomllib.loads(_shipped(path).read_text(encoding="utf-8"))
    except OSError as error:
        shipped = ", ".join(sorted(file.stem for file in _CONFIGS.glob("*.toml")))
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; configurations that are shipped: {shipped}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: is not TOML: {error}"]) from error
    return make_config(raw, overrides)


def _shipped(path: Path) -> Path:
    """Returns the shipped configuration that a path to no file means, or else the path itself."""
    file = _CONFIGS / f"{path.name.removesuffix('.toml')}.toml"
    may_be = not path.is_file() and path.parent.as_posix() in (".", "configs", "training/configs")
    return file if may_be and file.is_file() else path


def make_config(raw: dict[str, Any], overrides: Sequence[str] = ()) -> RunConfig:
    """Checks a configuration with the overrides laid over it.

    Args:
        raw: Sections by name; changed in place.
        overrides: ``section.key=value`` each.

    Returns:
        The configuration, defaults filled in.

    Raises:
        ConfigError: If anything is wrong; lists every mistake.
    """
    mistakes = [mistake for override in overrides if (mistake := _apply(raw, override))]
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        mistakes += _mistakes(error, RunConfig)
    if mistakes:
        raise ConfigError(mistakes)
    return config


def _apply(raw: dict[str, Any], override: str) -> str | None:
    """Writes one override into the raw configuration; returns what is wrong with it, or None."""
    key, separator, value = override.partition("=")
    *sections, name = key.strip().split(".")
    if not separator or not name:
        return f"--set {override}: expected section.key=value"
    place = raw
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            return f"--set {override}: {section} is a value, not a section"
    place[name] = _parse(value.strip())
    return None


def _parse(value: str) -> Any:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value
