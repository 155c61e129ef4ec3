"""mAP of a method over noise rates and code lengths, several seeds each: the table in ``docs/results.md``.

    python -m bench.noise_bits_table --config training/configs/photos.toml --data DIR --out runs/table [--write docs/results.md]

Every run is a folder under ``--out`` that is taken up again or left alone when finished, so the script may be stopped at any time
and several may share the work (``--shard 0/2`` and ``--shard 1/2``). A run's seed decides its noise, its validation cut and its
initialisation. The query split is looked at once a run, after the epoch was chosen on validation pairs by given labels.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from training.config import RunConfig, load_config
from training.experiment import run_experiment
from training.inputs import PairFeatures, data_facts, extract_pair_features, read_pairs
from training.run_folder import RunFolder

_BEGIN, _END = "<!-- noise × bits: begin -->", "<!-- noise × bits: end -->"


@dataclass(frozen=True, slots=True)
class Setting:
    """One cell's run.

    Attributes:
        noise_rate: Share of noisy samples.
        n_bits: Bits of a code.
        seed: Of noise, cut and initialisation.
    """

    noise_rate: float
    n_bits: int
    seed: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"noise{self.noise_rate:g}-bits{self.n_bits}-seed{self.seed}"

    def overrides(self) -> list[str]:
        """Returns the settings that differ from the base configuration."""
        return [
            f"noise.rate={self.noise_rate}",
            f"noise.seed={self.seed}",
            f"training.seed={self.seed}",
            f"training.n_bits={self.n_bits}",
        ]


def main() -> int:
    """Runs what is not finished and prints the table.

    Returns:
        The exit code.
    """
    options = _parser().parse_args()
    # Seeds outermost: every cell has a number before any has its spread.
    settings = [Setting(n, b, s) for s, n, b in itertools.product(options.seeds, options.noise, options.bits)]
    base = load_config(options.config, options.overrides)
    pairs = read_pairs(base, options.data, cache_dir=options.cache_dir)
    facts = data_facts(pairs, options.data)

    @cache
    def features(name: str) -> PairFeatures:
        return extract_pair_features(getattr(pairs, name), name, base, cache_dir=options.cache_dir)

    shard, n_shards = map(int, options.shard.split("/"))
    for setting in settings[shard::n_shards]:
        run = RunFolder(options.out / setting.name)
        config = load_config(options.config, [*options.overrides, *setting.overrides()])
        run.open(config, facts)
        report = run_experiment(config, features, run)
        print(
            f"{setting.name}: epoch {report['epoch']}, mean mAP {report['evaluation']['mean_map']:.4f}", file=sys.stderr, flush=True
        )
    table = render_table(list(_finished(options.out, settings)), base)
    print(table)
    if options.write:
        write_between_marks(options.write, table)
    return 0


def _finished(out: Path, settings: Sequence[Setting]) -> Iterator[tuple[Setting, dict[str, Any]]]:
    for setting in settings:
        report = RunFolder(out / setting.name).report()
        if report is not None:
            yield setting, report


def render_table(found: Sequence[tuple[Setting, dict[str, Any]]], base: RunConfig) -> str:
    """Writes the table: mean ± sample standard deviation over seeds, for both directions and their mean.

    Args:
        found: Finished runs.
        base: The configuration they share.

    Returns:
        Markdown.
    """
    if not found:
        return "No run is finished."
    lengths = sorted({setting.n_bits for setting, _ in found})
    seeds = sorted({setting.seed for setting, _ in found})
    first = found[0][1]["evaluation"]
    lines = [
        f"{base.method.name.upper()}, seeds {', '.join(map(str, seeds))}; {first['n_query']} queries, {first['n_database']} items; "
        f"chance {first['chance']:.3f}.",
        "",
        f"| noise | direction | {' | '.join(f'{n} bits' for n in lengths)} |",
        f"|---|---|{'---|' * len(lengths)}",
    ]
    for noise_rate, (key, label) in itertools.product(
        sorted({setting.noise_rate for setting, _ in found}),
        (("i2t_map", "image → text"), ("t2i_map", "text → image"), ("mean_map", "**mean**")),
    ):
        cells = [_cell([r["evaluation"][key] for s, r in found if (s.noise_rate, s.n_bits) == (noise_rate, n)]) for n in lengths]
        lines.append(f"| {noise_rate:g} | {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "—"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def write_between_marks(path: Path, table: str) -> None:
    """Puts the table into a document, between its two marks.

    Args:
        path: Markdown file with both marks.
        table: What stands between them afterwards.

    Raises:
        ValueError: If a mark is missing; the document is left alone.
    """
    before, begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{path} lacks the marks {_BEGIN} and {_END}")
    path.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="section.key=value")
    parser.add_argument("--cache-dir", type=Path, default=Path(".cache/bitlens"))
    parser.add_argument("--noise", type=float, nargs="+", default=[0.5, 0.2, 0.8, 0.0])
    parser.add_argument("--bits", type=int, nargs="+", default=[64, 16, 32, 128])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--shard", default="0/1", metavar="I/N")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
