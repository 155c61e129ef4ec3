"""Where a bundle's calibration lies, and how it gets there.

Decides that it is replaced all at once, and that another bundle's is refused. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path

from model.calibration import FILE_NAME, Calibration
from model.errors import BundleCorrupt, BundleIncompatible


def read_calibration(folder: Path, bundle_id: str, n_bits: int) -> Calibration | None:
    """Reads a bundle's calibration.

    Args:
        folder: Of the bundle.
        bundle_id: Its identity.
        n_bits: Its code length.

    Returns:
        The calibration; None if the bundle has none.

    Raises:
        BundleCorrupt: If it cannot be read or is damaged.
        BundleIncompatible: If it is one of another bundle, or has another format.
    """
    try:
        content = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BundleCorrupt(f"{FILE_NAME} of the bundle in {folder} cannot be read: {error.strerror}") from error
    return Calibration.from_json(content).of_bundle(bundle_id, n_bits)


def write_calibration(calibration: Calibration, folder: Path) -> None:
    """Writes a bundle's calibration, all at once; what is there is replaced.

    Args:
        calibration: Of this bundle.
        folder: Of the bundle.
    """
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_bytes(calibration.to_json())
    partial.replace(folder / FILE_NAME)


def drop_other_calibration(folder: Path, bundle_id: str, n_bits: int) -> None:
    """Removes the calibration of the bundle that a folder held before.

    Args:
        folder: Of the bundle.
        bundle_id: Identity of the one that it is to hold; its own calibration stays.
        n_bits: Its code length.
    """
    try:
        read_calibration(folder, bundle_id, n_bits)
    except (BundleCorrupt, BundleIncompatible):
        (folder / FILE_NAME).unlink(missing_ok=True)
