"""The four benchmarks that the field's tables are made on, as feature files with the names under which they are passed around.

Decides which benchmark lies in a folder (by the names of its files), the order of its rows and the splits. These are those of the
SCBCH reference code (2025, https://github.com/Plke/SCBCH): rows in file order; of files in two parts the database's (or training)
part first, then the test part; the first ``n_query`` rows are the queries, all others the database, of which the first ``n_train``
are trained on. Rows without any label are kept, as there: evaluation leaves out queries to which nothing is relevant, and counts
them. Does not know formats (``matrices``) or how rows get to disk (``matrix_cache``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

import numpy as np

from model.codes import UInt8
from model.errors import DatasetError
from training.datasets.feature_pairs import FeaturePairs, FeatureSplits
from training.datasets.label_columns import read_label_order
from training.datasets.matrices import Matrix, open_matrix
from training.datasets.matrix_cache import BLOCK_BYTES, Part, cached_rows

_log = getLogger(__name__)
_ROLES = ("image", "text", "labels")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One of the four data sets.

    Attributes:
        name: As papers call it.
        parts: (file, key) of image features, text features and labels, each in the order of the rows.
        n_rows: Pairs in all.
        n_query: Queries in the reference's split.
        n_train: Training pairs in the reference's split.
        paper: Where the data set was first described.
    """

    name: str
    parts: dict[str, tuple[tuple[str, str], ...]]
    n_rows: int
    n_query: int
    n_train: int
    paper: str

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its files, each once."""
        return tuple(dict.fromkeys(file for role in _ROLES for file, _ in self.parts[role]))

    @property
    def advice(self) -> str:
        """Where the files are to be had, to be appended to a message."""
        return (
            f". {self.name} ({self.paper}) as features consists of {', '.join(self.files)}; where to download them is written in "
            "data/readme.md of the SCBCH reference code, github.com/Plke/SCBCH"
        )


def _one_part(*files: str) -> dict[str, tuple[tuple[str, str], ...]]:
    return {role: ((file, key),) for role, file, key in zip(_ROLES, files, ("XAll", "YAll", "LAll"), strict=True)}


def _two_parts(file: str, **keys: tuple[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    return {role: tuple((file, key) for key in keys[role]) for role in _ROLES}


BENCHMARKS = (
    Benchmark(
        "MIRFlickr-25K",
        _one_part("mirflickr25k-iall-vgg.mat", "mirflickr25k-yall.mat", "mirflickr25k-lall.mat"),
        20_015,
        2_000,
        10_000,
        "Huiskes and Lew, MIR 2008",
    ),
    Benchmark(
        "NUS-WIDE-21",
        _one_part("nus-wide-tc21-xall-vgg-clean.mat", "nus-wide-tc21-yall-clean.mat", "nus-wide-tc21-lall-clean.mat"),
        190_421,
        2_100,
        10_500,
        "Chua et al., CIVR 2009",
    ),
    Benchmark(
        "IAPR TC-12",
        _two_parts("iapr-tc12-rand.mat", image=("VDatabase", "VTest"), text=("YDatabase", "YTest"), labels=("databaseL", "testL")),
        20_000,
        2_000,
        10_000,
        "Escalante et al., CVIU 2010",
    ),
    Benchmark(
        "MS-COCO",
        _two_parts(
            "MSCOCO_deep_doc2vec_data.h5py",
            image=("train_imgs_deep", "test_imgs_deep"),
            text=("train_text", "test_text"),
            labels=("train_imgs_labels", "test_imgs_labels"),
        ),
        122_218,
        5_000,
        10_000,
        "Lin et al., ECCV 2014",
    ),
)


def find_benchmark(folder: Path) -> Benchmark | None:
    """Tells which benchmark's files lie in a folder; one of its files is enough, so that the others are missed by name.

    Args:
        folder: The data set.

    Returns:
        The benchmark, or None where there is no such file.

    Raises:
        DatasetError: If there are files of more than one.
    """
    found = [benchmark for benchmark in BENCHMARKS if any((folder / file).is_file() for file in benchmark.files)]
    if len(found) > 1:
        raise DatasetError(f"{folder}: holds files of {' and '.join(each.name for each in found)}; give each a folder of its own")
    return found[0] if found else None


def load_features(folder: Path, benchmark: Benchmark, *, n_query: int, n_train: int, cache_dir: Path) -> FeatureSplits:
    """Reads a benchmark; its features are copied once into memory maps below the cache folder.

    Args:
        folder: Holds the files, which are never written to.
        benchmark: Which one it is.
        n_query: Queries; 0 for the reference's number, or its share of files that are not of full size.
        n_train: Training pairs; 0 likewise.
        cache_dir: The memory maps are kept in its ``matrices`` folder.

    Returns:
        The three splits, features memory-mapped.

    Raises:
        DatasetError: If a file or key is missing or damaged, shapes do not fit together, a feature is not finite, a label is
            neither 0 nor 1, or there are too few rows for the splits.
    """
    if missing := [file for file in benchmark.files if not (folder / file).is_file()]:
        raise DatasetError(f"{folder}: {', '.join(missing)} missing{benchmark.advice}")
    parts = {role: [Part(folder / file, key) for file, key in benchmark.parts[role]] for role in _ROLES}
    n_rows = _check_shapes(parts, benchmark)
    if n_rows != benchmark.n_rows and not (n_query and n_train):
        _log.warning("%s: %d rows, not the %d of %s: its split is scaled", folder, n_rows, benchmark.n_rows, benchmark.name)
    n_query, n_train = (
        given or max(1, reference * n_rows // benchmark.n_rows)
        for given, reference in ((n_query, benchmark.n_query), (n_train, benchmark.n_train))
    )
    if n_query + n_train > n_rows:
        raise DatasetError(
            f"{folder}: {benchmark.name} has {n_rows} rows here, too few for {n_query} queries and {n_train} training pairs; "
            "choose others with --set data.n_query=… and --set data.n_train=…"
        )
    labels = _read_labels(parts["labels"])
    image, text = (cached_rows(parts[role], cache_dir) for role in ("image", "text"))
    whole = FeaturePairs(image.rows, text.rows, labels, image.digest, text.digest)
    return FeatureSplits(
        train=whole.rows(n_query, n_query + n_train),
        query=whole.rows(0, n_query),
        gallery=whole.rows(n_query + n_train, n_rows),
        label_names=_label_names(folder, labels.shape[1]),
        benchmark=benchmark.name,
        variables={role: ", ".join(key for _, key in benchmark.parts[role]) for role in ("image", "text")},
    )


def _check_shapes(parts: dict[str, list[Part]], benchmark: Benchmark) -> int:
    """Compares rows between the roles of a part, and columns between the parts of a role; returns the number of rows."""
    with ExitStack() as stack:
        opened = {
            role: [stack.enter_context(open_matrix(part.file, part.key, advice=benchmark.advice)) for part in found]
            for role, found in parts.items()
        }
        for i, labels in enumerate(opened["labels"]):
            for matrix in (opened["image"][i], opened["text"][i]):
                if matrix.shape[0] != labels.shape[0]:
                    raise DatasetError(f"{matrix.place} has {matrix.shape[0]} rows, but {labels.place} has {labels.shape[0]}")
        for matrices in opened.values():
            _check_columns(matrices)
        return sum(matrix.shape[0] for matrix in opened["labels"])


def _check_columns(matrices: Sequence[Matrix]) -> None:
    for matrix in matrices[1:]:
        if matrix.shape[1] != matrices[0].shape[1]:
            raise DatasetError(f"{matrix.place} has {matrix.shape[1]} columns, but {matrices[0].place} has {matrices[0].shape[1]}")


def _read_labels(parts: Sequence[Part]) -> UInt8:
    blocks = []
    for part in parts:
        with open_matrix(part.file, part.key) as matrix:
            step = max(1, BLOCK_BYTES // (8 * matrix.shape[1]))
            for start in range(0, matrix.shape[0], step):
                block = matrix.rows(start, min(start + step, matrix.shape[0]))
                if not np.isin(block, (0, 1)).all():
                    raise DatasetError(f"{matrix.place} must be multi-hot, but holds values other than 0 and 1")
                blocks.append(block.astype(np.uint8))
    return np.concatenate(blocks)


def _label_names(folder: Path, n_labels: int) -> tuple[str, ...]:
    names = read_label_order(folder) or tuple(f"label {i}" for i in range(n_labels))
    if len(names) != n_labels:
        raise DatasetError(f"{folder}: labels.json names {len(names)} labels, the data set has {n_labels}")
    return names
