"""Codes in somebody's own program: ``HashEncoder.from_pretrained("owner/name")``, then pictures and texts in, packed codes out.

Decides what a picture may be given as. Runs the bundle's graphs, without torch; a bundle without graphs is run on torch, where that
is installed. Does not know searching.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from model.bundle_folder import CARD, MANIFEST
from model.calibration import FILE_NAME as CALIBRATION
from model.codes import UInt8, pack_codes, sign_codes
from model.errors import BundleIncompatible, UndecodableImage
from model.hub import find_bundle, publish
from model.label_reader_file import FILE_NAME as LABELS
from model.manifest import Manifest
from model.served import ServedBundle

_BLOCK = 64  # inputs that are prepared before they are encoded


class HashEncoder:
    """Encodes pictures and texts by a bundle; safe in any thread.

    Args:
        folder: Of the bundle; see :meth:`from_pretrained`.
        n_threads: Of one forward pass, 1 or more.
        may_fetch: Whether weights of a hub checkpoint that the cache lacks may be fetched.
    """

    def __init__(self, folder: Path, *, n_threads: int = 1, may_fetch: bool = False) -> None:
        served = ServedBundle.open(folder, may_fetch=may_fetch)
        self.folder, self.manifest, self.bundle_id = folder, served.manifest, served.bundle_id
        self._encoders: dict[str, Any] = dict(served.encoders(n_threads)) if served.has_graphs else _on_torch(folder)

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path, *, revision: str | None = None, local_files_only: bool = False, n_threads: int = 1
    ) -> HashEncoder:
        """Opens a bundle: a folder, or a repository of the hub, which is fetched into the hub's cache.

        Args:
            name_or_path: Folder, or ``owner/name`` on the hub where no such folder exists; ``hf://owner/name`` is never a folder.
            revision: Branch, tag or commit on the hub.
            local_files_only: Whether only the hub's local cache may be asked.
            n_threads: Of one forward pass, 1 or more.

        Returns:
            The encoder; every file's digest is the manifest's.

        Raises:
            BundleNotFound: If there is no such folder or repository, the hub cannot be reached, or it holds no bundle.
            BundleCorrupt: If a file is missing or damaged, or its digest is not the manifest's.
            BundleIncompatible: If its format is another, or it cannot encode pictures and texts here.
            BackboneError: If weights are missing or not the pinned ones.
        """
        folder = find_bundle(name_or_path, revision=revision, local_files_only=local_files_only)
        return cls(folder, n_threads=n_threads, may_fetch=not local_files_only)

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.manifest.n_bits

    def encode_images(self, images: Sequence[Image.Image | str | Path] | Image.Image | str | Path) -> UInt8:
        """Encodes pictures.

        Args:
            images: Pillow images or paths of files; one alone counts as a list of one.

        Returns:
            (N, n_bits / 8) uint8, the packed codes.

        Raises:
            UndecodableImage: If a file cannot be read as a picture.
        """
        several = [images] if isinstance(images, Image.Image | str | Path) else images
        return self._encode("image", several)

    def encode_texts(self, texts: Sequence[str] | str) -> UInt8:
        """Encodes texts.

        Args:
            texts: Any strings; one alone counts as a list of one.

        Returns:
            (N, n_bits / 8) uint8, the packed codes.

        Raises:
            EmptyText: If a text has nothing left after normalisation.
        """
        return self._encode("text", [texts] if isinstance(texts, str) else texts)

    def _encode(self, modality: str, raw: Sequence[Any]) -> UInt8:
        encoder, codes = self._encoders[modality], np.empty((len(raw), self.n_bits // 8), np.uint8)
        for start in range(0, len(raw), _BLOCK):
            block = [encoder.prepare(_opened(each) if modality == "image" else each) for each in raw[start : start + _BLOCK]]
            codes[start : start + _BLOCK] = pack_codes(sign_codes(encoder.encode(block)))
        return codes

    def save_pretrained(self, folder: str | Path) -> None:
        """Copies the bundle, byte for byte: it stays the same one.

        Args:
            folder: Made if missing; files of the same names are replaced.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name in (*_names(self.manifest), MANIFEST):  # the manifest comes last: a folder that has one is complete
            if (self.folder / name).exists() and target.resolve() != self.folder.resolve():
                shutil.copyfile(self.folder / name, target / f"{name}.partial")
                (target / f"{name}.partial").replace(target / name)

    def push_to_hub(self, repository: str, *, private: bool = False, revision: str | None = None, message: str = "") -> str:
        """Publishes the bundle on the hub, in one commit.

        Args:
            repository: ``owner/name``; made if there is none.
            private: Whether a new repository is.
            revision: Branch that the commit goes to; the main one if None.
            message: Of the commit.

        Returns:
            The commit's address.

        Raises:
            BundleNotFound: If the hub cannot be reached or does not take it.
        """
        return publish(self.folder, repository, private=private, revision=revision, message=message)


def _names(manifest: Manifest) -> list[str]:
    return [CARD, CALIBRATION, LABELS, *manifest.files]


def _opened(picture: Image.Image | str | Path) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture
    try:
        with Image.open(picture) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise UndecodableImage(f"{picture} cannot be read as a picture: {error}") from error


def _on_torch(folder: Path) -> dict[str, Any]:
    try:
        from model.bundle import EncoderBundle
    except ImportError as error:
        told = "has no graphs, and torch, which can do without, is not here; where the trainer is installed, write them with"
        raise BundleIncompatible(f"the bundle in {folder} {told} `bitlens-train export {folder} --out {folder}`") from error
    return dict(EncoderBundle.from_pretrained(folder).encoders())
