"""How far apart the train split's dissimilar images and texts lie in the codes of finished runs, beside δ.

    OMP_NUM_THREADS=1 python -m bench.separation RUN… --data DIR [--cache-dir DIR]

Every image is paired with every other pair's text (N (N − 1) combinations); those that share no true label are dissimilar. All
pairs of the train split are looked at, those cut for validation too, and noise of a run plays no part. The last columns give
the 1st percentile among the pairs that the run learned from, without those cut. δ of an RMSH run is its own; beside other methods
stands what coding theory says is attainable for as many bits and labels. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from model.encoder import encode_features
from model.errors import ConfigError, DatasetError, HashingError
from training.checkpoint import read_tensors
from training.coding_bounds import distance_range
from training.compute import torch_settings
from training.config import DataSection, FeaturesSection, RunConfig
from training.evaluation import LabelledCodes, Separation, evaluate_separation
from training.export import read_heads
from training.inputs import PairFeatures, data_facts, extract_pair_features, read_pairs
from training.methods import METHODS
from training.methods.rmsh import Rmsh
from training.run_folder import RunFolder

_COLUMNS = (
    "run",
    "method",
    "noise",
    "bits",
    "δ",
    "minimum",
    "1st percentile",
    "below δ",
    "≥ δ",
    "1st percentile, learned from",
    "≥ δ",
)


@dataclass(frozen=True, slots=True)
class RunSeparation:
    """What one run comes to.

    Attributes:
        run: Its folder.
        method: Name in the table of methods.
        noise_rate: Share of noisy samples it was trained with.
        n_bits: Bits of a code.
        delta: δ in bits: the run's own, or of a method without one the attainable distance.
        n_dissimilar: Dissimilar image–text pairs.
        dissimilar_min: Least distance of one, in bits.
        dissimilar_p1: 1st percentile of their distances, in bits.
        share_below_delta: Share of them nearer than δ, in [0, 1].
        keeps_delta: Whether the 1st percentile is at least δ; None of a method without δ.
        learned_p1: 1st percentile among the pairs that the run learned from; the others of train were cut for validation.
        learned_keeps_delta: Whether this is at least δ; None of a method without δ.
    """

    run: str
    method: str
    noise_rate: float
    n_bits: int
    delta: int
    n_dissimilar: int
    dissimilar_min: int
    dissimilar_p1: int
    share_below_delta: float
    keeps_delta: bool | None
    learned_p1: int
    learned_keeps_delta: bool | None

    def cells(self) -> list[str]:
        """Returns the line of the table."""
        words = {True: "yes", False: "no", None: "–"}
        numbers = (self.n_bits, self.delta, self.dissimilar_min, self.dissimilar_p1)
        verdicts = [f"{self.share_below_delta:.3%}", words[self.keeps_delta], str(self.learned_p1), words[self.learned_keeps_delta]]
        return [self.run, self.method, f"{self.noise_rate:g}", *map(str, numbers), *verdicts]


def measure_run(run: RunFolder, train: PairFeatures) -> RunSeparation:
    """Encodes the train split by a run's best epoch and measures it.

    Args:
        run: A finished run.
        train: Features and true labels of the train split.

    Returns:
        Its distances beside δ.

    Raises:
        ConfigError: If the run is not finished.
        DatasetError: If any two pairs share a label.
    """
    if run.report() is None:
        raise ConfigError([f"{run.path} holds no finished run"])
    config, heads = run.read_config(), read_heads(run)
    with torch_settings(config.training.model_copy(update={"precision": "float32"})):  # as at serving
        image, text = encode_features(heads["image"], train.image), encode_features(heads["text"], train.text)
    learned = read_tensors(run.labels)[0]["train_index"].numpy()
    found, among = (_separation(LabelledCodes(image[rows], text[rows], train.true_labels[rows])) for rows in (slice(None), learned))
    own = _own_delta(config, train)
    delta = distance_range(config.training.n_bits, train.true_labels.shape[1])[0] if own is None else own
    p1, learned_p1 = found.percentile(0.01), among.percentile(0.01)
    return RunSeparation(
        run=run.path.as_posix(),
        method=config.method.name,
        noise_rate=config.noise.rate,
        n_bits=config.training.n_bits,
        delta=delta,
        n_dissimilar=found.n_pairs,
        dissimilar_min=found.percentile(0.0),
        dissimilar_p1=p1,
        share_below_delta=sum(found.counts[:delta]) / found.n_pairs,
        keeps_delta=None if own is None else p1 >= own,
        learned_p1=learned_p1,
        learned_keeps_delta=None if own is None else learned_p1 >= own,
    )


def _separation(pairs: LabelledCodes) -> Separation:
    found = evaluate_separation(pairs)
    if not found.n_pairs:
        raise DatasetError("every two pairs of the train split share a label: none is dissimilar")
    return found


def _own_delta(config: RunConfig, train: PairFeatures) -> int | None:
    """Returns δ as the method settles it; None if it has none."""
    n_train, n_labels = train.true_labels.shape
    method = METHODS[config.method.name].create(config.method.checked_options(), n_train=n_train, n_labels=n_labels)
    if not isinstance(method, Rmsh):
        return None
    method.build_heads({"image": train.image.shape[1], "text": train.text.shape[1]}, config.training.n_bits)
    return method.delta


def check_data(run: RunFolder, split: dict[str, object]) -> None:
    """Refuses a train split that a run was not trained on.

    Args:
        run: Any run.
        split: Facts of the train split: number of pairs and digests.

    Raises:
        ConfigError: If the run's record of its train split is another one.
    """
    if run.facts()["splits"]["train"] != split:
        raise ConfigError([f"{run.path} was trained on other pairs than the train split of --data"])


def render_table(found: Sequence[RunSeparation]) -> str:
    """Returns a Markdown table, one line a run."""
    lines = [list(_COLUMNS), ["---"] * len(_COLUMNS), *(each.cells() for each in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _reader(data: Path, cache_dir: Path) -> Callable[[RunConfig], tuple[PairFeatures, dict[str, object]]]:
    """Reads the train split once for all runs that want it alike."""

    @cache
    def read(columns: str, backbones: str) -> tuple[PairFeatures, dict[str, object]]:
        config = RunConfig(data=DataSection.model_validate_json(columns), features=FeaturesSection.model_validate_json(backbones))
        pairs = read_pairs(config, data, cache_dir=cache_dir)
        features = extract_pair_features(pairs.train, "train", config, cache_dir=cache_dir)
        return features, data_facts(pairs, data)["splits"]["train"]

    return lambda config: read(config.data.model_dump_json(), config.features.model_dump_json())


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table, then all figures as one line of JSON.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit code: 0 done, 2 a mistake of the caller's.
    """
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="folder of a finished run")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data set they were trained on")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"), metavar="DIR", help="where features are kept")
    options = parser.parse_args(arguments)
    read, found = _reader(options.data, options.cache_dir), []
    try:
        for run in map(RunFolder, options.runs):
            train, split = read(run.read_config())
            check_data(run, split)
            found.append(measure_run(run, train))
    except (HashingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(render_table(found))
    print(json.dumps([asdict(each) for each in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
