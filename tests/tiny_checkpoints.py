"""Tiny CLIP and SigLIP checkpoints with random weights, as repositories of the hub hold them."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, CLIPTokenizer, SiglipConfig, SiglipModel, SiglipProcessor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

_LETTERS = [*string.ascii_letters, *string.digits, *".,!-'"]
_LAYERS: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_N_TOKENS, _SIDE = 16, 32


def save_tiny_clip(folder: Path, *, eos_token_id: int | None = None) -> Path:
    """Writes a checkpoint; old ones of CLIP name a wrong ``eos_token_id``, 2."""
    words = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), "do", "dog</w>", "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[("d", "o"), ("do", "g</w>")], model_max_length=_N_TOKENS)
    n = len(words)
    ends = {"bos_token_id": n - 2, "eos_token_id": eos_token_id or n - 1, "pad_token_id": n - 1}
    text = {**_LAYERS, **ends, "max_position_embeddings": _N_TOKENS, "vocab_size": n}
    torch.manual_seed(1)
    network = CLIPModel(CLIPConfig(text_config=text, vision_config=_seen(), projection_dim=16))
    images = CLIPImageProcessorPil(size={"shortest_edge": _SIDE}, crop_size={"height": _SIDE, "width": _SIDE})
    return _saved(folder, network, CLIPProcessor(image_processor=images, tokenizer=tokenizer))


def save_tiny_siglip(folder: Path) -> Path:
    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *_LETTERS]
    vocabulary = {word: i for i, word in enumerate(words)}
    tokenizer = Siglip2Tokenizer(vocab=vocabulary, merges=[], model_max_length=_N_TOKENS)
    ends = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    text = {**_LAYERS, **ends, "max_position_embeddings": _N_TOKENS, "vocab_size": len(words), "projection_size": 32}
    torch.manual_seed(2)
    images = SiglipImageProcessorPil(size={"height": _SIDE, "width": _SIDE})
    network = SiglipModel(SiglipConfig(text_config=text, vision_config=_seen()))
    return _saved(folder, network, SiglipProcessor(image_processor=images, tokenizer=tokenizer))


def _seen() -> dict[str, Any]:
    return {**_LAYERS, "image_size": _SIDE, "patch_size": 8}


def _saved(folder: Path, network: Any, processor: Any) -> Path:
    for weights in network.parameters():  # as they come, biases are 0 and activations nearly linear
        torch.nn.init.normal_(weights, std=0.3)
    network.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
