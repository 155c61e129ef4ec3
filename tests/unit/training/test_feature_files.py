"""The four benchmarks' feature files in every format give the same splits; what is missing, damaged or odd is named."""

from __future__ import annotations

import logging
import os
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from model.errors import DatasetError
from tests.feature_folders import NAMES, TWO_PARTS, WRITERS, small_benchmark, write_benchmark, write_hdf5, write_v5, write_v73
from tests.pair_folders import rows_of, write_parquet
from training.datasets import FeatureSplits, SplitOptions, load_data, load_pairs
from training.datasets.feature_files import BENCHMARKS
from training.datasets.matlab_v5 import map_v5_matrix
from training.datasets.matrices import Matrix, open_matrix
from training.datasets.matrix_cache import Part, _block_rows, cached_rows

ARRAYS = small_benchmark()


def load(folder: Path, tmp_path: Path, n_query: int = 10, n_train: int = 30) -> FeatureSplits:
    found = load_data(folder, splits=SplitOptions(n_query=n_query, n_train=n_train), cache_dir=tmp_path / "cache")
    assert isinstance(found, FeatureSplits)
    return found


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("name", NAMES)
def test_every_format_of_every_benchmark_gives_the_reference_splits(name: str, kind: str, tmp_path: Path) -> None:
    found = load(write_benchmark(tmp_path / "data", name, ARRAYS, WRITERS[kind]), tmp_path)
    for split, rows in (("query", slice(0, 10)), ("train", slice(10, 40)), ("gallery", slice(40, 60))):
        pairs = getattr(found, split)
        np.testing.assert_array_equal(pairs.image, ARRAYS["image"][rows])
        np.testing.assert_array_equal(pairs.text, ARRAYS["text"][rows])
        np.testing.assert_array_equal(pairs.true_labels, ARRAYS["labels"][rows])
    assert (found.benchmark, found.label_names[-1]) == (name, "label 4")
    assert found.train.true_labels.dtype == np.uint8
    assert {found.train.image.dtype, found.train.text.dtype} == {np.dtype(np.float32)}


def test_features_are_memory_mapped_and_read_only(tmp_path: Path) -> None:
    found = load(write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS), tmp_path)
    assert isinstance(found.train.image, np.memmap)
    assert not found.train.image.flags.writeable


@pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda each: each.name)
def test_the_references_counts_fit_its_table(benchmark: Any) -> None:
    table = {
        "MIRFlickr-25K": (2000, 10000, 18015),
        "NUS-WIDE-21": (2100, 10500, 188321),
        "MS-COCO": (5000, 10000, 117218),
        "IAPR TC-12": (2000, 10000, 18000),
    }
    assert (benchmark.n_query, benchmark.n_train, benchmark.n_rows - benchmark.n_query) == table[benchmark.name]


def test_files_that_are_not_of_full_size_are_split_in_the_references_shares(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = load(write_benchmark(tmp_path / "data", "IAPR TC-12", ARRAYS), tmp_path, 0, 0)
    assert (len(found.query), len(found.train), len(found.gallery)) == (6, 30, 24)
    assert "60 rows, not the 20000 of IAPR TC-12: its split is scaled" in caplog.text


def test_labels_json_names_the_labels(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS)
    (folder / "labels.json").write_text('["a", "b", "c", "d", "e"]')
    assert load(folder, tmp_path).label_names == ("a", "b", "c", "d", "e")
    (folder / "labels.json").write_text('["a"]')
    with pytest.raises(DatasetError, match=r"labels.json names 1 labels, the data set has 5"):
        load(folder, tmp_path)


@pytest.mark.parametrize("key", ["XAll", "YAll"])
def test_sparse_matrices_are_read(key: str, tmp_path: Path) -> None:
    sparse = scipy.sparse.csc_matrix(ARRAYS["text"])
    scipy.io.savemat(tmp_path / "v5.mat", {key: sparse})
    with h5py.File(tmp_path / "v73.mat", "w") as opened:
        group = opened.create_group(key)
        group.attrs["MATLAB_class"], group.attrs["MATLAB_sparse"] = np.bytes_("double"), np.uint64(sparse.shape[0])
        group["data"], group["ir"], group["jc"] = sparse.data, sparse.indices, sparse.indptr
    for file in ("v5.mat", "v73.mat"):
        with open_matrix(tmp_path / file, key) as matrix:
            assert matrix.shape == ARRAYS["text"].shape
            np.testing.assert_array_equal(matrix.rows(3, 20), ARRAYS["text"][3:20])


@pytest.mark.parametrize("kind", ["v5", "v5 compressed"])
@pytest.mark.parametrize(
    "array",
    [
        ARRAYS["image"],
        ARRAYS["labels"].astype(bool),
        np.arange(6, dtype=np.int16).reshape(3, 2),
        np.array([[1, 0], [0, 1]], np.uint8),  # four bytes: packed into the element's tag
        np.full((700, 900), 2.5),  # 5 MB that compress to nearly nothing: more comes out of zlib than goes in
        np.random.default_rng(0).integers(0, 2**60, (400, 500)),  # and 1.6 MB that do not
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_v5_matrices_are_mapped_as_scipy_reads_them(array: np.ndarray, kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / "x.mat", {"before": np.eye(3), "note": "text", "X": array, "after": np.eye(2)})
    wanted = scipy.io.loadmat(tmp_path / "x.mat")["X"]
    found = map_v5_matrix(tmp_path / "x.mat", "X", tmp_path)
    assert found is not None
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    assert list(tmp_path.iterdir()) == [tmp_path / "x.mat"]


def test_a_v5_file_of_the_other_byte_order_is_mapped(tmp_path: Path) -> None:
    """Written from the format's description: tags (type, bytes), flags of class 6, dimensions, a name within its tag, numbers."""
    numbers = np.arange(6.0).reshape(2, 3)
    body = struct.pack(">4I", 6, 8, 6, 0) + struct.pack(">2I2i", 5, 8, 2, 3)
    body += struct.pack(">I4s", 1 << 16 | 1, b"X") + struct.pack(">2I", 9, 48) + numbers.astype(">f8").tobytes("F")
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    (tmp_path / "x.mat").write_bytes(header + struct.pack(">2I", 14, len(body)) + body)
    with open_matrix(tmp_path / "x.mat", "X") as matrix:
        np.testing.assert_array_equal(matrix.rows(0, 2), numbers)


def test_a_square_matrix_is_transposed_for_matlab_only(tmp_path: Path) -> None:
    square = np.arange(16.0).reshape(4, 4)
    write_v73(tmp_path / "matlab.mat", {"XAll": square})
    write_hdf5(tmp_path / "plain.mat", {"XAll": square})
    for name in ("matlab.mat", "plain.mat"):
        with open_matrix(tmp_path / name, "XAll") as matrix:
            np.testing.assert_array_equal(matrix.rows(0, 2), square[:2])


# --- the copies ---


@pytest.mark.parametrize(
    "block_bytes", [12 * 4 * 20, 12 * 4 * 8, 2**20]
)  # 20 rows (18), 8 rows (6 where chunks have 3), all of them
@pytest.mark.parametrize("kind", ["v7.3", "HDF5"])
def test_a_matrix_is_copied_in_blocks(kind: str, block_bytes: int, tmp_path: Path) -> None:
    parts = [Part(tmp_path / name, "XAll") for name in ("x.mat", "y.mat")]
    for part in parts:
        WRITERS[kind](part.file, {"XAll": ARRAYS["image"]})
    found = cached_rows(parts, tmp_path / "cache", block_bytes=block_bytes)
    np.testing.assert_array_equal(found.rows, np.concatenate([ARRAYS["image"]] * 2))


@pytest.mark.parametrize(("granularity", "wanted"), [(1, 8), (3, 6), (20, 20), (65, 8)])
def test_a_block_holds_whole_chunks_unless_these_are_very_large(granularity: int, wanted: int) -> None:
    matrix = Matrix("here", (100, 12), lambda start, stop: np.zeros((stop - start, 12)), granularity)
    assert _block_rows(matrix, 12 * 4 * 8) == wanted


def test_a_copy_is_made_once_and_made_anew_when_the_file_changes(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS)
    before = load(folder, tmp_path)
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache" / "matrices").iterdir()}
    again = load(folder, tmp_path)
    assert {file: file.stat().st_mtime_ns for file in made if file.suffix != ".lock"}.items() <= made.items()
    assert again.train.image_digest == before.train.image_digest
    write_v5(folder / "mirflickr25k-iall-vgg.mat", {"XAll": ARRAYS["image"] + 1})
    changed = load(folder, tmp_path)
    assert changed.train.image_digest != before.train.image_digest
    assert changed.train.text_digest == before.train.text_digest
    np.testing.assert_array_equal(changed.query.image, ARRAYS["image"][:10] + 1)


def test_the_digest_is_that_of_the_content_whatever_the_format(tmp_path: Path) -> None:
    found = [load(write_benchmark(tmp_path / kind, "MS-COCO", ARRAYS, WRITERS[kind]), tmp_path) for kind in WRITERS]
    assert len({each.train.image_digest for each in found}) == 1
    assert found[0].train.image_digest != found[0].query.image_digest


def test_an_interrupted_copy_is_taken_up_again(tmp_path: Path) -> None:
    spoilt = ARRAYS["image"].copy()
    spoilt[40, 3] = np.nan
    parts = [Part(tmp_path / "x.mat", "XAll"), Part(tmp_path / "y.mat", "XAll")]
    write_hdf5(parts[0].file, {"XAll": ARRAYS["image"]})
    write_hdf5(parts[1].file, {"XAll": spoilt})
    stamp = parts[1].file.stat()
    with pytest.raises(DatasetError, match=r"y.mat: 'XAll' holds a value that is not finite .* first in row 40"):
        cached_rows(parts, tmp_path / "cache", block_bytes=12 * 4 * 8)
    with h5py.File(parts[1].file, "r+") as opened:
        opened["XAll"][40, 3] = 5.0
    os.utime(parts[1].file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as if it had been the reader that failed
    found = cached_rows(parts, tmp_path / "cache", block_bytes=12 * 4 * 8).rows
    np.testing.assert_array_equal(found[:100], np.concatenate([ARRAYS["image"], spoilt[:40]]))
    assert found[100, 3] == 5.0
    assert len(found) == 120


# --- refusals ---


@pytest.mark.parametrize("name", ["MIRFlickr-25K", "NUS-WIDE-21"])
def test_missing_files_are_named_with_where_to_get_them(name: str, tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", name, ARRAYS)
    for file in NAMES[name][1:]:
        (folder / file).unlink()
    with pytest.raises(DatasetError) as caught:
        load(folder, tmp_path)
    told = str(caught.value)
    assert f"{folder}: {NAMES[name][1]}, {NAMES[name][2]} missing" in told
    assert "github.com/Plke/SCBCH" in told


@pytest.mark.parametrize(("name", "key"), [("IAPR TC-12", "YTest"), ("MS-COCO", "train_imgs_labels")])
@pytest.mark.parametrize("kind", ["v5", "HDF5"])
def test_a_missing_key_is_named_with_the_file_and_the_keys_it_has(name: str, key: str, kind: str, tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", name, ARRAYS, WRITERS[kind], **{key: None})
    with pytest.raises(DatasetError) as caught:
        load(folder, tmp_path)
    assert f"{folder / NAMES[name][0]}: has no '{key}'; it holds " in str(caught.value)
    assert TWO_PARTS[name][0][0] in str(caught.value)
    assert "github.com/Plke/SCBCH" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"YAll": ARRAYS["text"][:-1]}, r"yall.mat: 'YAll' has 59 rows, but .*lall.mat: 'LAll' has 60"),
        ({"LAll": ARRAYS["labels"] * 2}, r"lall.mat: 'LAll' must be multi-hot"),
        ({"LAll": np.where(ARRAYS["labels"], np.nan, 0.0)}, r"lall.mat: 'LAll' must be multi-hot"),
        ({"XAll": np.full((60, 12), np.inf)}, r"iall-vgg.mat: 'XAll' holds a value that is not finite .* first in row 0"),
        ({"XAll": np.full((60, 12), 1e300)}, r"not finite \(as float32\)"),
        ({"XAll": np.zeros((60, 4, 3))}, r"'XAll' is no matrix of real numbers: shape \(60, 4, 3\)"),
        ({"XAll": np.full((60, 12), 1j)}, r"'XAll' is no matrix of real numbers"),
        ({"XAll": np.array([["a"] * 12] * 60, object)}, r"'XAll' is no matrix of real numbers"),
        ({"XAll": np.zeros((60, 0))}, r"'XAll' is no matrix of real numbers"),
    ],
)
def test_matrices_that_do_not_fit_are_named(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=words):
        load(write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS, **changes), tmp_path)


def test_parts_of_different_width_are_refused(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MS-COCO", ARRAYS, write_hdf5, test_text=np.zeros((20, 9)))
    with pytest.raises(DatasetError, match=r"'test_text' has 9 columns, but .*'train_text' has 10"):
        load(folder, tmp_path)


def test_an_hdf5_group_or_table_of_text_is_no_matrix(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.mat", "w") as opened:
        opened.create_group("XAll")
        opened["YAll"] = [["a", "b"]]
    for key in ("XAll", "YAll"):
        with pytest.raises(DatasetError, match=f"'{key}' is (a group, )?no matrix"), open_matrix(tmp_path / "x.mat", key):
            pass


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_is_cut_off_is_named(kind: str, tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS, WRITERS[kind])
    file = folder / "mirflickr25k-iall-vgg.mat"
    file.write_bytes(file.read_bytes()[:-700])
    with pytest.raises(DatasetError, match=r"iall-vgg.mat: .*damaged"):
        load(folder, tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a matrix at all, but long enough to hold a header" * 20, b"\x89HDF\r\n\x1a\n torn"])
def test_a_file_of_neither_format_is_named(content: bytes, tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS)
    (folder / "mirflickr25k-yall.mat").write_bytes(content)
    with pytest.raises(DatasetError, match=r"mirflickr25k-yall.mat: .*damaged"):
        load(folder, tmp_path)


def test_two_benchmarks_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_benchmark(tmp_path, "MS-COCO", ARRAYS)
    with pytest.raises(DatasetError, match="holds files of MIRFlickr-25K and MS-COCO; give each a folder"):
        load(write_benchmark(tmp_path, "MIRFlickr-25K", ARRAYS), tmp_path)


def test_feature_files_beside_pairs_are_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path, {"train": rows_of("train", 2)})
    with pytest.raises(DatasetError, match="holds MIRFlickr-25K and Parquet files at once"):
        load(write_benchmark(tmp_path, "MIRFlickr-25K", ARRAYS), tmp_path)


def test_more_rows_than_there_are_cannot_be_asked_for(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS)
    with pytest.raises(DatasetError, match=r"60 rows here, too few for 10 queries and 51 training pairs; choose .*data.n_query="):
        load(folder, tmp_path, 10, 51)


def test_counts_are_for_feature_files_only(tmp_path: Path) -> None:
    folder = write_parquet(tmp_path / "data", {"pool": rows_of("x", 20)})
    with pytest.raises(DatasetError, match=r"data\.n_query and data.n_train cut feature files; this data set has pictures"):
        load(folder, tmp_path)


def test_who_needs_pictures_is_told_that_there_are_none(tmp_path: Path) -> None:
    folder = write_benchmark(tmp_path / "data", "MIRFlickr-25K", ARRAYS)
    with pytest.raises(DatasetError, match="holds MIRFlickr-25K as ready-made features; pictures and texts are needed here"):
        load_pairs(folder, cache_dir=tmp_path / "cache")
