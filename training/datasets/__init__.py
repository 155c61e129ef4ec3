"""Image–text pairs with labels: the table of layouts, and the functions that read any of them.

To add a layout: one module with a class that follows :class:`training.datasets.layout.Layout`, one line in ``LAYOUTS``, one test.
"""

from __future__ import annotations

from pathlib import Path

from model.errors import DatasetError
from training.datasets.base import SPLITS, ColumnNames, ModalityInputs, PairDataset, PairSplits, SplitOptions
from training.datasets.coco import CocoLayout
from training.datasets.feature_files import BENCHMARKS, find_benchmark, load_features
from training.datasets.feature_pairs import FeaturePairs, FeatureSplits
from training.datasets.hub import HUB_PREFIX, load_from_library
from training.datasets.imagefolder import ImageFolderLayout
from training.datasets.label_columns import read_label_order
from training.datasets.layout import POOL, Layout, RawSplit
from training.datasets.pairs import make_pairs
from training.datasets.parquet import ParquetLayout
from training.datasets.splits import cut_splits
from training.datasets.webdataset import WebDatasetLayout

__all__ = [
    "ColumnNames",
    "FeaturePairs",
    "FeatureSplits",
    "ModalityInputs",
    "PairDataset",
    "PairSplits",
    "SplitOptions",
    "load_data",
    "load_pairs",
]

LAYOUTS: tuple[Layout, ...] = (ParquetLayout(), WebDatasetLayout(), ImageFolderLayout(), CocoLayout())


def load_data(
    data: str | Path, *, columns: ColumnNames | None = None, splits: SplitOptions | None = None, cache_dir: str | Path
) -> PairSplits | FeatureSplits:
    """Reads whatever a data set is: pairs of pictures and texts, or ready-made features of one of the four benchmarks.

    Args:
        data: A folder, or ``datasets:NAME``.
        columns: What the columns are called; None for ``image``, ``text``, ``labels``, ``id``.
        splits: How splits are cut or called; None for the defaults.
        cache_dir: Where the reader may keep its tables; made if absent.

    Returns:
        The three splits.

    Raises:
        DatasetError: As :func:`load_pairs`, and if feature files are missing, damaged or do not fit together.
    """
    splits, folder = splits or SplitOptions(), Path(data).expanduser()
    benchmark = None if str(data).startswith(HUB_PREFIX) else find_benchmark(folder)
    if benchmark is None:
        if splits.n_query or splits.n_train:
            raise DatasetError(f"{data}: data.n_query and data.n_train cut feature files; this data set has pictures and texts")
        return load_pairs(data, columns=columns, splits=splits, cache_dir=cache_dir)
    if mixed := [layout.name for layout in LAYOUTS if layout.find(folder)]:
        raise DatasetError(
            f"{folder}: holds {' and '.join([benchmark.name, *mixed])} files at once; leave one layout in the folder"
        )
    return load_features(folder, benchmark, n_query=splits.n_query, n_train=splits.n_train, cache_dir=Path(cache_dir))


def load_pairs(
    data: str | Path,
    *,
    columns: ColumnNames | None = None,
    seed: int = 0,
    splits: SplitOptions | None = None,
    cache_dir: str | Path,
) -> PairSplits:
    """Reads pairs of pictures and texts in whichever layout they have; their folder is never written to.

    Splits are ``train``, ``query`` and ``gallery`` if all three are there. If none is, or only one, all pairs are taken as one
    heap and cut with the seed: query a tenth but at most 2,000, gallery a fifth, train the rest.

    Args:
        data: A folder with Parquet files, WebDataset shards, pictures and metadata or COCO's files, or ``datasets:NAME``.
        columns: What the columns are called; None for ``image``, ``text``, ``labels``, ``id``.
        seed: Of the cut, where one is needed and ``splits`` is not given.
        splits: The seed, and what ``datasets:NAME`` calls the splits.
        cache_dir: Where the reader may keep its tables; made if absent.

    Returns:
        The three splits, pictures still unread.

    Raises:
        DatasetError: If the folder, a split, a column or a cell is missing or damaged; every mistake is named with its file.
    """
    columns, splits = columns or ColumnNames(), splits or SplitOptions(seed=seed)
    if str(data).startswith(HUB_PREFIX):
        read, order = load_from_library(str(data), splits, Path(cache_dir)), None
    else:
        folder = Path(data).expanduser().resolve()
        read, order = _read_folder(folder, Path(cache_dir)), read_label_order(folder)
    pairs = make_pairs(read, columns, order)
    if len(pairs) == 1:
        return cut_splits(next(iter(pairs.values())), seed=splits.seed)
    return PairSplits(**pairs, label_names=pairs["train"].label_names)


def _read_folder(folder: Path, cache_dir: Path) -> list[RawSplit]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is not a folder; give the folder that holds the data set")
    if (benchmark := find_benchmark(folder)) is not None:
        raise DatasetError(f"{folder}: holds {benchmark.name} as ready-made features; pictures and texts are needed here")
    layout = _find_layout(folder)
    files = layout.find(folder)
    _check_splits(folder, layout, files)
    return layout.read(files, cache_dir)


def _find_layout(folder: Path) -> Layout:
    found = [layout for layout in LAYOUTS if layout.find(folder)]
    if not found:
        expected = "".join(f"\n  {layout.name}: {layout.expects}" for layout in LAYOUTS)
        expected += "".join(f"\n  features of {each.name}: {', '.join(each.files)}" for each in BENCHMARKS)
        raise DatasetError(f"{folder}: holds no data set in a known layout:{expected}")
    if len(found) > 1:
        names = " and ".join(layout.name for layout in found)
        raise DatasetError(f"{folder}: holds {names} files at once; leave one layout in the folder")
    return found[0]


def _check_splits(folder: Path, layout: Layout, files: dict[str, list[Path]]) -> None:
    """Accepts the three splits and nothing else, or exactly one group to cut them from."""
    if len(files) == 1 or set(files) == set(SPLITS):
        return
    advice = f"give all three splits ({layout.expects}), or one file or group only, from which they are cut"
    if POOL in files:
        stray = ", ".join(file.name for file in files[POOL])
        raise DatasetError(f"{folder}: these files belong to none of the splits {', '.join(SPLITS)}: {stray}; {advice}")
    missing = ", ".join(name for name in SPLITS if name not in files)
    raise DatasetError(f"{folder}: splits are missing: {missing}; {advice}")
