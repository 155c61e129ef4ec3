"""Image–text pairs with labels from a folder: the table of layouts, and the one function that reads any of them.

To add a layout: one module with a class that follows :class:`training.datasets.layout.Layout`, one line in ``LAYOUTS``, one test.
"""

from __future__ import annotations

from pathlib import Path

from model.errors import DatasetError
from training.datasets.base import SPLITS, ColumnNames, ModalityInputs, PairDataset, PairSplits
from training.datasets.imagefolder import ImageFolderLayout
from training.datasets.label_columns import read_label_order
from training.datasets.layout import POOL, Layout
from training.datasets.pairs import make_pairs
from training.datasets.parquet import ParquetLayout
from training.datasets.splits import cut_splits
from training.datasets.webdataset import WebDatasetLayout

__all__ = ["ColumnNames", "ModalityInputs", "PairDataset", "PairSplits", "load_pairs"]

LAYOUTS: tuple[Layout, ...] = (ParquetLayout(), WebDatasetLayout(), ImageFolderLayout())


def load_pairs(data: str | Path, *, columns: ColumnNames | None = None, seed: int = 0, cache_dir: str | Path) -> PairSplits:
    """Reads a folder of pairs in whichever layout it has; the folder itself is never written to.

    Splits are ``train``, ``query`` and ``gallery`` if all three are there. If none is, or only one, all pairs are taken as one
    heap and cut with ``seed``: query a tenth but at most 2,000, gallery a fifth, train the rest.

    Args:
        data: A folder with Parquet files, WebDataset shards, or pictures and metadata.
        columns: What the columns are called; None for ``image``, ``text``, ``labels``, ``id``.
        seed: Of the cut, where one is needed.
        cache_dir: Where the reader may keep its tables; made if absent.

    Returns:
        The three splits, pictures still unread.

    Raises:
        DatasetError: If the folder, a split, a column or a cell is missing or damaged; every mistake is named with its file.
    """
    folder = Path(data).expanduser().resolve()
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is not a folder; give the folder that holds the data set")
    layout = _find_layout(folder)
    files = layout.find(folder)
    _check_splits(folder, layout, files)
    pairs = make_pairs(layout.read(files, Path(cache_dir)), columns or ColumnNames(), read_label_order(folder))
    if len(pairs) == 1:
        return cut_splits(next(iter(pairs.values())), seed=seed)
    return PairSplits(**pairs, label_names=pairs["train"].label_names)


def _find_layout(folder: Path) -> Layout:
    found = [layout for layout in LAYOUTS if layout.find(folder)]
    if not found:
        expected = "".join(f"\n  {layout.name}: {layout.expects}" for layout in LAYOUTS)
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
