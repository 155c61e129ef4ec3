"""CLIP and SigLIP checkpoints of the hub: features of pictures and texts in one space, of length 1.

Sources: A. Radford et al., CLIP (2021), https://arxiv.org/abs/2103.00020; X. Zhai et al., SigLIP (2023),
https://arxiv.org/abs/2303.15343. Networks and processors are those of transformers; no code of a repository is run, and of weights
safetensors alone are read.

Decides what of a repository is fetched, and which checkpoints can be used. Does not know hashing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, CLIPModel, SiglipModel
from transformers.utils import logging

from model.backbones.checkpoint_input import CheckpointPixels, CheckpointWords
from model.codes import Float32, Int64, UInt8
from model.errors import BackboneError, BundleNotFound
from model.hub import fetch
from model.weights import CHECKPOINT, checkpoint_file, digest_of

_NETWORKS: dict[str, Any] = {"clip": CLIPModel, "siglip": SiglipModel}
_WORDS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt")
_FILES = ("config.json", CHECKPOINT, "preprocessor_config.json", "processor_config.json", *_WORDS)
_NAME = re.compile(r"(?P<kind>clip|siglip):(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>\S+))?")


@dataclass(frozen=True)
class Checkpoint:
    """One repository at one commit, in the hub's cache.

    Attributes:
        kind: ``clip`` or ``siglip``.
        repository: ``owner/name``.
        folder: Of that commit.
        sha256: Of the weights, hex.
    """

    kind: str
    repository: str
    folder: Path
    sha256: str = field(repr=False)

    @property
    def name(self) -> str:
        """The backbone's name, with the commit."""
        return f"{self.kind}:{self.repository}@{self.folder.name}"

    @property
    def weights(self) -> Path:
        """The file of the weights."""
        return self.folder / CHECKPOINT

    @property
    def weights_name(self) -> str:
        """What graphs call it."""
        return checkpoint_file(self.repository, self.folder.name)

    @property
    def network(self) -> Any:
        """The network in evaluation mode, float32; loaded once, however the checkpoint was named."""
        return _network(self.kind, self.folder)


@cache
def _network(kind: str, folder: Path) -> Any:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    safe = {"use_safetensors": True, "local_files_only": True, "dtype": torch.float32}
    return _NETWORKS[kind].from_pretrained(folder, **safe).eval()


@cache
def open_checkpoint(name: str) -> Checkpoint:
    """Finds a checkpoint in the hub's cache, or fetches it.

    Args:
        name: ``clip:owner/name`` or ``siglip:owner/name``, with or without ``@revision``.

    Returns:
        The checkpoint, its commit pinned.

    Raises:
        BackboneError: If there is no such repository, or it holds no such network with weights as safetensors.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise BackboneError(f"{name} is no backbone of the hub: clip:owner/name or siglip:owner/name, with or without @revision")
    kind, repository = found["kind"], found["repository"]
    try:
        folder = fetch(repository, _FILES, where=f"no backbone {name}:", revision=found["revision"])
    except BundleNotFound as error:
        raise BackboneError(str(error)) from error
    if not (folder / CHECKPOINT).is_file() or not (folder / "config.json").is_file():
        raise BackboneError(f"no backbone {name}: the repository has no {CHECKPOINT}; weights of other forms are not read")
    found_kind = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).model_type
    if found_kind != kind:
        raise BackboneError(f"no backbone {name}: the repository's network is {found_kind}, not {kind}")
    with (folder / CHECKPOINT).open("rb") as file:
        return Checkpoint(kind, repository, folder, hashlib.file_digest(file, "sha256").hexdigest())


class CheckpointImages:
    """A checkpoint's features of pictures.

    Args:
        checkpoint: Its files.

    Raises:
        BackboneError: If its processor does something that is not known here.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint, self.name = checkpoint, checkpoint.name
        self.preprocessing = _picture_facts(checkpoint)
        self._pixels = CheckpointPixels(self.preprocessing)
        self.weights_digest = digest_of([checkpoint.sha256, self.preprocessing, "image, length 1"])
        self.feature_dim = self.extract([np.zeros((*self.preprocessing["crop"], 3), np.uint8)]).shape[1]

    def prepare(self, raw: Image.Image) -> UInt8:
        """Scales and crops a picture.

        Args:
            raw: Any Pillow image.

        Returns:
            (height, width, 3) uint8.
        """
        return self._pixels.prepare(raw)

    def extract(self, prepared: Sequence[UInt8]) -> Float32:
        """Returns features.

        Args:
            prepared: N arrays of (height, width, 3) uint8.

        Returns:
            (N, feature_dim) float32 of length 1.
        """
        if not prepared:
            return np.empty((0, self.feature_dim), np.float32)
        planes = torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).float() * self.preprocessing["scale"]
        mean, std = (torch.tensor(self.preprocessing[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
        with torch.inference_mode():
            return _unit(self.checkpoint.network.get_image_features(pixel_values=(planes - mean) / std))


class CheckpointTexts:
    """A checkpoint's features of texts.

    Args:
        checkpoint: Its files.

    Raises:
        BackboneError: If its tokenizer cannot be had as one file.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint, self.name = checkpoint, checkpoint.name
        self.vocabulary, self.preprocessing = _text_facts(checkpoint)
        self._words = CheckpointWords(self.vocabulary, self.preprocessing)
        words = hashlib.sha256(self.vocabulary).hexdigest()
        self.weights_digest = digest_of([checkpoint.sha256, words, self.preprocessing, "text, length 1"])
        self.feature_dim = self.extract([self.prepare("a")]).shape[1]

    def prepare(self, raw: str) -> Int64:
        """Normalises and splits a text.

        Args:
            raw: Any string.

        Returns:
            (L,) int64, the numbers of its tokens.

        Raises:
            EmptyText: If nothing is left.
        """
        return self._words.prepare(raw)

    def extract(self, prepared: Sequence[Int64]) -> Float32:
        """Returns features.

        Args:
            prepared: N results of :meth:`prepare`.

        Returns:
            (N, feature_dim) float32 of length 1.
        """
        if not prepared:
            return np.empty((0, self.feature_dim), np.float32)
        tokens = torch.from_numpy(self._words.inputs(prepared)["tokens"])
        with torch.inference_mode():  # no mask: CLIP looks back only, and SigLIP was trained to see its padding
            return _unit(self.checkpoint.network.get_text_features(input_ids=tokens))


def _unit(output: Any) -> Float32:
    tensor = output if isinstance(output, torch.Tensor) else output.pooler_output  # transformers 4 and 5
    features: Float32 = F.normalize(tensor, dim=1).numpy()
    return features


def _picture_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    local = {"local_files_only": True, "trust_remote_code": False, "backend": "pil"}
    processor = AutoImageProcessor.from_pretrained(checkpoint.folder, **local)  # type: ignore[no-untyped-call]
    does = {name for name in ("resize", "rescale", "normalize") if getattr(processor, f"do_{name}")}
    size, crop = dict(processor.size), processor.crop_size if getattr(processor, "do_center_crop", False) else None
    sides = [size["shortest_edge"]] if size.get("shortest_edge") else [size.get("height") or 0, size.get("width") or 0]
    resize = sides if len(sides) == 2 else sides[0]
    cropped = [crop["height"], crop["width"]] if crop else sides
    if len(does) < 3 or len(cropped) < 2 or min(sides) == 0 or max(cropped) > min(sides):
        raise BackboneError(f"{checkpoint.name}: its processor prepares pictures in a way that is not known here")
    facts = {"resize": resize, "crop": cropped, "resample": int(processor.resample), "scale": float(processor.rescale_factor)}
    return {**facts, "mean": list(map(float, processor.image_mean)), "std": list(map(float, processor.image_std))}


def _text_facts(checkpoint: Checkpoint) -> tuple[bytes, dict[str, Any]]:
    config = checkpoint.network.config.text_config
    if not (checkpoint.folder / "tokenizer.json").is_file():
        raise BackboneError(f"{checkpoint.name}: the repository has no tokenizer.json; for texts take another checkpoint")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BackboneError(f"{checkpoint.name}: {type(tokenizer).__name__} is no tokenizer of one file; take another checkpoint")
    facts = {
        "unicode": "NFC",
        "spaces": "single",
        "max_tokens": min(int(tokenizer.model_max_length), int(config.max_position_embeddings)),
    }
    if checkpoint.kind == "siglip":
        return backend.to_str().encode(), {**facts, "padding": tokenizer.padding_side, "pad": tokenizer.pad_token_id, "end": None}
    end = tokenizer.eos_token_id if config.eos_token_id == 2 else config.eos_token_id  # 2: an error in early configurations
    return backend.to_str().encode(), {**facts, "padding": None, "pad": None, "end": int(end)}
