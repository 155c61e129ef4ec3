"""A bundle as it is served: its graphs run on ONNX Runtime; nothing here needs torch.

Decides what must fit for codes to be those of training. Does not know batching, caching or limits.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path

from model.backbones import load_preparation
from model.backbones.base import Preparation
from model.bundle_folder import GRAPHS, WEIGHTS, bundle_id_of, read_bundle
from model.calibration import FILE_NAME, Calibration
from model.calibration_file import read_calibration
from model.errors import BundleCorrupt, BundleIncompatible, BundleNotFound
from model.graph_encoder import GraphEncoder, open_graph
from model.hub import find_bundle, hub_address
from model.label_reader import LabelReader
from model.label_reader_file import read_label_reader
from model.manifest import MODALITIES, EncoderSpec, Manifest
from model.weights import installed_weights


class ServedBundle:
    """A bundle's identity and its encoders.

    Args:
        folder: Where it was read from, for messages.
        manifest: Its facts.
        files: The files that the manifest names, by name.
        calibration: What its distances mean, if that was measured.
        label_reader: Reads labels off its codes, if that was learned.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        files: Mapping[str, bytes],
        calibration: Calibration | None = None,
        label_reader: LabelReader | None = None,
    ) -> None:
        self.folder, self.manifest, self._files = folder, manifest, files
        self.calibration, self.label_reader, self._may_fetch = calibration, label_reader, False

    @property
    def bundle_id(self) -> str:
        """Digest of everything that determines the bundle: 16 hex digits."""
        return bundle_id_of(self.manifest)

    @property
    def n_bits(self) -> int:
        """Bits of one code."""
        return self.manifest.n_bits

    @property
    def has_graphs(self) -> bool:
        """Whether it can be served."""
        return all(file in self._files for file in GRAPHS.values())

    @classmethod
    def open(cls, folder: Path, *, may_fetch: bool = False) -> ServedBundle:
        """Reads a bundle from a folder, or from the hub where that is asked for in so many words.

        Args:
            folder: Of the bundle; ``hf://owner/name``, with or without ``@revision``, is fetched into the hub's cache.
            may_fetch: Whether weights of a hub checkpoint that the cache lacks may be fetched; an address of the hub says so.

        Returns:
            The bundle, its digests checked.

        Raises:
            BundleNotFound: If there is no such folder or repository, or the hub cannot be reached.
            BundleCorrupt: If a file is missing or damaged, or its digest is not the manifest's.
            BundleIncompatible: If its format is another, or its calibration or its label reader is another bundle's.
        """
        if hub_address(folder):
            folder, may_fetch = find_bundle(folder), True
        if not folder.is_dir():
            raise BundleNotFound(f"there is no bundle at {folder}")
        manifest, files = read_bundle(folder)
        told = folder, bundle_id_of(manifest), manifest.n_bits
        calibration = read_calibration(*told)
        _check_familiarity(calibration, manifest, folder)
        bundle = cls(folder, manifest, files, calibration, read_label_reader(*told))
        bundle._may_fetch = may_fetch
        return bundle

    def encoders(self, n_threads: int = 1, *, shown: Mapping[str, str] | None = None) -> dict[str, GraphEncoder]:
        """Loads the graphs.

        Args:
            n_threads: Of one forward pass, 1 or more.
            shown: What features are called within the graph, by modality; those become outputs (``Calibration.feature_values``).

        Returns:
            An encoder by modality.

        Raises:
            BackboneError: If a backbone is unknown, or weights are missing or not the pinned ones.
            BundleIncompatible: If the bundle has no graphs, or input is prepared in another way here than at training.
            BundleCorrupt: If a graph does not load.
        """
        values = shown or {}
        return {name: self._encoder(name, self.manifest.encoders[name], n_threads, values.get(name)) for name in MODALITIES}

    def _encoder(self, modality: str, spec: EncoderSpec, n_threads: int, shown: str | None) -> GraphEncoder:
        if spec.is_ready_made:
            named = ", ".join(str(fact) for fact in spec.preprocessing.values())
            raise BundleIncompatible(f"the bundle was trained on ready-made features ({named}) and cannot encode pictures or texts")
        graph = self._files.get(GRAPHS[modality])
        if graph is None:
            told = f"the bundle in {self.folder} has no {GRAPHS[modality]}; where the trainer is installed, write it with"
            raise BundleIncompatible(f"{told} `python -m training export {self.folder} --out {self.folder}`")
        preparation = self._preparation(spec)
        weights = {WEIGHTS: memoryview(self._files[WEIGHTS]), **self._installed()}
        session = open_graph(GRAPHS[modality], graph, weights, n_threads=n_threads, shown=shown)
        return GraphEncoder(preparation, session, n_bits=self.n_bits)

    def _preparation(self, spec: EncoderSpec) -> Preparation:
        preparation = load_preparation(spec.backbone, self._files, spec.preprocessing)
        if preparation.preprocessing != spec.preprocessing:
            told = f"{spec.backbone} was trained on input prepared as {spec.preprocessing}, here it would be"
            raise BundleIncompatible(f"{told} {preparation.preprocessing}: the codes would not be comparable")
        return preparation

    def _installed(self) -> dict[str, memoryview]:
        found = {}
        for name, sha256 in self.manifest.graphs.get("weights", {}).items():
            with installed_weights(name, sha256, may_fetch=self._may_fetch).open("rb") as file:
                found[name] = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return found


def _check_familiarity(calibration: Calibration | None, manifest: Manifest, folder: Path) -> None:
    """Refuses what would fail with the first query."""
    for name, known in (calibration.familiarity if calibration else {}).items():
        wanted = manifest.encoders[name].feature_dim if name in manifest.encoders else None
        if known.feature_dim != wanted:
            told = f"{FILE_NAME} of the bundle in {folder} knows {known.feature_dim} features of what it calls {name}"
            raise BundleCorrupt(f"{told}; {f'there are {wanted}' if wanted else 'there is no such modality'}")
