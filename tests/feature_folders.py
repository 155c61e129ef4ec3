"""Feature files of the four benchmarks in their exact layout but a few rows, in every format in which they are passed around."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

Variables = Mapping[str, np.ndarray]
Writer = Callable[[Path, Variables], None]
NAMES = {
    "MIRFlickr-25K": ("mirflickr25k-iall-vgg.mat", "mirflickr25k-yall.mat", "mirflickr25k-lall.mat"),
    "NUS-WIDE-21": ("nus-wide-tc21-xall-vgg-clean.mat", "nus-wide-tc21-yall-clean.mat", "nus-wide-tc21-lall-clean.mat"),
    "IAPR TC-12": ("iapr-tc12-rand.mat",),
    "MS-COCO": ("MSCOCO_deep_doc2vec_data.h5py",),
}
TWO_PARTS = {
    "IAPR TC-12": (("VDatabase", "YDatabase", "databaseL"), ("VTest", "YTest", "testL")),
    "MS-COCO": (("train_imgs_deep", "train_text", "train_imgs_labels"), ("test_imgs_deep", "test_text", "test_imgs_labels")),
}


def write_v5(file: Path, variables: Variables) -> None:
    """Writes what MATLAB calls v6: v5, not compressed."""
    scipy.io.savemat(file, dict(variables))


def write_v5_compressed(file: Path, variables: Variables) -> None:
    """Writes what MATLAB's ``save`` writes by default."""
    scipy.io.savemat(file, dict(variables), do_compression=True)


def write_v73(file: Path, variables: Variables) -> None:
    """Writes HDF5 as ``save -v7.3`` does: 512 bytes of MATLAB's own before it, every matrix transposed, its class an attribute."""
    with h5py.File(file, "w", userblock_size=512) as opened:
        for name, array in variables.items():
            stored = opened.create_dataset(name, data=np.ascontiguousarray(array.T), chunks=(array.shape[1], 3), compression="gzip")
            stored.attrs["MATLAB_class"] = np.bytes_({"f8": "double", "f4": "single"}.get(array.dtype.str[1:], str(array.dtype)))
    with file.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_hdf5(file: Path, variables: Variables) -> None:
    """Writes plain HDF5, as h5py does."""
    with h5py.File(file, "w") as opened:
        for name, array in variables.items():
            opened[name] = array


WRITERS: dict[str, Writer] = {"v5": write_v5, "v5 compressed": write_v5_compressed, "v7.3": write_v73, "HDF5": write_hdf5}


def small_benchmark(n: int = 60, seed: int = 0, n_labels: int = 5) -> dict[str, np.ndarray]:
    """Returns features that tell labels (n, 12), (n, 10) and labels (n, n_labels), as the files have them; row 1 has no label."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, n_labels)) < 0.4).astype(np.uint8)
    labels[np.arange(n), rng.integers(n_labels, size=n)] = 1
    labels[1] = 0
    image, text = (labels @ rng.normal(size=(n_labels, dim)) + 0.3 * rng.normal(size=(n, dim)) for dim in (12, 10))
    return {"image": image.astype(np.float32), "text": (text > 0).astype(np.float64), "labels": labels}


def write_benchmark(folder: Path, name: str, arrays: Mapping[str, np.ndarray], write: Writer = write_v5, **changes: Any) -> Path:
    """Writes a benchmark's files; of two parts the first one gets two thirds of the rows. A change of None leaves a key out."""
    folder.mkdir(parents=True, exist_ok=True)
    roles = list(arrays.values())
    if name in TWO_PARTS:
        cut = 2 * len(roles[0]) // 3
        halves = ([array[:cut] for array in roles], [array[cut:] for array in roles])
        keys = [key for part in TWO_PARTS[name] for key in part]
        files = {NAMES[name][0]: dict(zip(keys, [array for half in halves for array in half], strict=True))}
    else:
        named = zip(NAMES[name], ("XAll", "YAll", "LAll"), roles, strict=True)
        files = {file: {key: array} for file, key, array in named}
    for file, variables in files.items():
        write(folder / file, {key: array for key, array in (variables | _fitting(changes, variables)).items() if array is not None})
    return folder


def _fitting(changes: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key in variables}
