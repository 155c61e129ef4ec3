"""What each command of the trainer does.

Decides what is printed: progress to standard error, results to standard output. Does not parse arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.bundle import EncoderBundle
from model.bundle_folder import MANIFEST
from model.calibration import FILE_NAME
from model.errors import ConfigError
from model.label_reader_file import FILE_NAME as LABELS
from model.manifest import Manifest
from training.bundle_codes import DataSource, encode_data
from training.calibrating import calibrate_after_training
from training.comparison import load_runs, render_markdown
from training.comparison.tables import METRICS
from training.compute import make_accelerator
from training.config import DataSection, FeaturesSection, RunConfig
from training.datasets import FeatureSplits, PairSplits
from training.datasets.base import SPLITS
from training.evaluation import Evaluation, evaluate
from training.experiment import run_experiment
from training.export import export_bundle
from training.inputs import PairFeatures, data_facts, extract_pair_features, read_pairs
from training.label_reading import read_labels_after_training
from training.processes import Processes
from training.progress import epoch_bar, trial_bar
from training.run_folder import RunFolder

if TYPE_CHECKING:
    from training.sweep_plan import Limits, SweepPlan


def features(config: RunConfig, data: Path, *, cache_dir: Path) -> dict[str, Any]:
    """Extracts the features of all splits into the cache.

    Args:
        config: Column names, backbones, batch size.
        data: Folder of the data set.
        cache_dir: Where features are kept.

    Returns:
        Shapes by split and modality.
    """
    pairs = read_pairs(config, data, cache_dir=cache_dir)
    shapes = {}
    for name in SPLITS:
        found = extract_pair_features(getattr(pairs, name), name, config, cache_dir=cache_dir)
        shapes[name] = {"image": list(found.image.shape), "text": list(found.text.shape)}
    return shapes


def train(config: RunConfig, data: Path, out: Path, *, cache_dir: Path) -> dict[str, Any]:
    """Trains one run, exports its bundle, calibrates it, learns to read labels off its codes; takes an interrupted run up again.

    Of several processes (``torchrun``, ``accelerate launch``) the main one alone writes.

    Args:
        config: Resolved configuration.
        data: Folder of the data set.
        out: Folder of the run.
        cache_dir: Where features are kept.

    Returns:
        The final figures.
    """
    pairs = read_pairs(config, data, cache_dir=cache_dir)
    run = RunFolder(out)
    processes = Processes(make_accelerator(config.training))
    processes.from_main(lambda: run.open(config, data_facts(pairs, data)))

    @cache
    def split_features(name: str) -> PairFeatures:
        return extract_pair_features(getattr(pairs, name), name, config, cache_dir=cache_dir)

    with epoch_bar(f"{config.method.name}, {config.training.n_bits} bits") as progress:
        show = progress if processes.is_main else lambda *_: None
        report = run_experiment(config, split_features, run, progress=show)
    if processes.is_main:
        if not _is_whole(run.bundle):
            export_bundle(run, run.bundle, finish=partial(_with_graphs, pairs=pairs, source=data.resolve().name))
        if not (run.bundle / FILE_NAME).exists():
            calibrate_after_training(run, split_features("train"))
        if not (run.bundle / LABELS).exists():
            read_labels_after_training(run, split_features("train"))
    return report


def _is_whole(bundle: Path) -> bool:
    """Tells whether a bundle was written to its end, with graphs if it can have them: those of earlier versions have none."""
    if not (bundle / MANIFEST).exists():
        return False
    manifest = Manifest.from_json((bundle / MANIFEST).read_bytes())
    return bool(manifest.graphs) or any(spec.is_ready_made for spec in manifest.encoders.values())


def evaluate_bundle(bundle_dir: Path, config: DataSection, data: Path, *, cache_dir: Path, threads: int = 1) -> Evaluation:
    """Ranks a data set's database (train and gallery) for its queries with a bundle's codes.

    Args:
        bundle_dir: Folder of the bundle, or its name on the hub.
        config: Column names.
        data: Folder of the data set.
        cache_dir: Where features are kept.
        threads: Of the forward passes.

    Returns:
        All figures in both directions, chance and counts.

    Raises:
        BundleIncompatible: If the bundle's heads were trained on other features than the data set or the backbones here give.
    """
    bundle = EncoderBundle.from_pretrained(bundle_dir)
    found = encode_data(bundle, DataSource(data, config, cache_dir, threads))
    return evaluate(found.codes["query"], found.joined("train", "gallery"), label_names=found.label_names)


def export(
    source: Path, out: Path, *, data: Path | None, config: DataSection, cache_dir: Path, int8: bool = False
) -> dict[str, Any]:
    """Writes a finished run's bundle, or a bundle's graphs anew, with the calibration if there is one.

    Args:
        source: Folder of the run, or of the bundle.
        out: Where the bundle goes.
        data: Folder of a data set whose training pairs the graphs are compared with torch on; made-up inputs if there is none.
        config: Column names of the data set.
        cache_dir: Where reading the data set may keep its tables.
        int8: Whether the graphs compute with whole numbers of 8 bits.

    Returns:
        Its identity, and how the graphs compare with torch.
    """
    pairs = read_pairs(RunConfig(data=config), data, cache_dir=cache_dir) if data else None
    finish = partial(_with_graphs, pairs=pairs, source=data.resolve().name if data else "", int8=int8)
    if (source / MANIFEST).exists():
        bundle = finish(EncoderBundle.from_pretrained(source))
        bundle.save_pretrained(out)
    else:
        bundle = export_bundle(RunFolder(source), out, finish=finish)
    return {"bundle": str(out), "bundle_id": bundle.bundle_id, "n_bits": bundle.n_bits, "comparison": bundle.manifest.comparison}


def _with_graphs(
    bundle: EncoderBundle, *, pairs: PairSplits | FeatureSplits | None, source: str, int8: bool = False
) -> EncoderBundle:
    """Adds graphs, unless the features came ready-made and there is nothing to serve."""
    if any(spec.is_ready_made for spec in bundle.manifest.encoders.values()):
        return bundle
    from training.graph_export import Samples, add_graphs

    samples = Samples.of_pairs(pairs.train, source) if isinstance(pairs, PairSplits) else Samples.made_up()
    return add_graphs(bundle, samples, int8=int8)


def compare(runs: Sequence[Path], page: Path, markdown: Path, *, baseline: str | None = None) -> dict[str, Any]:
    """Writes runs side by side as a page and as Markdown tables.

    Args:
        runs: Folders of runs, or folders that hold such.
        page: Where the HTML goes.
        markdown: Where the Markdown goes.
        baseline: A method that the others are compared with.

    Returns:
        Where both are, and how many runs are in them.

    Raises:
        ConfigError: If a folder holds no run, the baseline is none of the methods, or a file cannot be written.
    """
    from training.comparison.page import render_page  # matplotlib takes its time

    records = load_runs(runs)
    texts = {
        page: render_page(records, baseline=baseline),
        markdown: render_markdown(records, baseline=baseline, metrics=METRICS) + "\n",
    }
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError([f"{path}: cannot be written: {error.strerror}"]) from error
    n_finished = sum(record.report is not None for record in records)
    return {"page": str(page), "markdown": str(markdown), "n_runs": n_finished, "n_unfinished": len(records) - n_finished}


def sweep(plan: SweepPlan, data: Path, out: Path, limits: Limits, *, cache_dir: Path) -> dict[str, Any]:
    """Tries settings, judged among validation pairs alone; takes an interrupted sweep up again.

    Args:
        plan: What is tried.
        data: Folder of the data set.
        out: Folder of the sweep.
        limits: When to end.
        cache_dir: Where features are kept.

    Returns:
        The best trial, and where configuration and table are.
    """
    from training import sweep as sweeping  # optuna takes its time
    from training import sweep_report

    pairs = read_pairs(plan.base, data, cache_dir=cache_dir)

    @cache
    def train_features(features: FeaturesSection) -> PairFeatures:
        config = plan.base.model_copy(update={"features": features})
        return extract_pair_features(pairs.train, "train", config, cache_dir=cache_dir)

    swept = sweeping.SweepData(lambda config: train_features(config.features), data_facts(pairs, data))
    train_features(plan.base.features)  # its bars come before the sweep's
    with trial_bar(f"sweep of {plan.base.method.name}") as told:
        study = sweeping.sweep(plan, swept, out, limits, told=told)
    return sweep_report.write_sweep(study, plan, out)
