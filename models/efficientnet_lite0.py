"""EfficientNet-Lite0: an image classifier and its image embedding.

The network of Tan and Le (EfficientNet, ICML 2019) in the variant that Google published for edge devices in 2020:
no squeeze-and-excitation, ReLU6 instead of swish, stem and head of fixed width.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.state_dict import read_state_dict
from models.weight_files import EFFICIENTNET_LITE0
from models.weights import weight_path

NUM_CLASSES = 1000
EMBEDDING_SIZE = 1280
_STEM_CHANNELS = 32
_NORM_EPSILON = 1e-3
_PIXEL_MEAN = 127.0
_PIXEL_SCALE = 128.0


class BlockStage(NamedTuple):
    """One row of the architecture's table: blocks of one width."""

    expansion: int
    """Channels inside a block divided by its input channels."""
    out_channels: int
    num_blocks: int
    kernel_size: int
    stride: int
    """Of the first block; the others keep the resolution."""


STAGES = (
    BlockStage(expansion=1, out_channels=16, num_blocks=1, kernel_size=3, stride=1),
    BlockStage(expansion=6, out_channels=24, num_blocks=2, kernel_size=3, stride=2),
    BlockStage(expansion=6, out_channels=40, num_blocks=2, kernel_size=5, stride=2),
    BlockStage(expansion=6, out_channels=80, num_blocks=3, kernel_size=3, stride=2),
    BlockStage(expansion=6, out_channels=112, num_blocks=3, kernel_size=5, stride=1),
    BlockStage(expansion=6, out_channels=192, num_blocks=4, kernel_size=5, stride=2),
    BlockStage(expansion=6, out_channels=320, num_blocks=1, kernel_size=3, stride=1),
)


class NormalisedConvolution(nn.Module):
    """Convolution, batch normalisation and, unless linear, ReLU6; padded as TensorFlow's `SAME` pads."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        is_linear: bool = False,
    ) -> None:
        super().__init__()
        # SAME pads k - stride pixels where the stride divides the side, as it does all the way from 224 down to 7;
        # an odd one goes to the right and bottom, which a convolution's own padding cannot express.
        before, after = (kernel_size - stride) // 2, (kernel_size - stride + 1) // 2
        self.uneven_padding = [before, after, before, after] if before != after else None
        self.convolution = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=0 if self.uneven_padding else before,
            groups=groups,
            bias=False,
        )
        self.norm: nn.Module = nn.BatchNorm2d(out_channels, eps=_NORM_EPSILON)
        self.activation: nn.Module = nn.Identity() if is_linear else nn.ReLU6()

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        if self.uneven_padding:
            features = functional.pad(features, self.uneven_padding)
        activated: Tensor = self.activation(self.norm(self.convolution(features)))
        return activated

    def fold_norm(self) -> None:
        """Fold the normalisation into the convolution's weights: the same function in one step."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.convolution = fuse_conv_bn_eval(self.convolution, self.norm)
            self.norm = nn.Identity()


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel, narrow again; add the input where shapes allow."""

    def __init__(self, stage: BlockStage, in_channels: int, stride: int) -> None:
        super().__init__()
        width = in_channels * stage.expansion
        self.is_residual = stride == 1 and in_channels == stage.out_channels
        self.expand = NormalisedConvolution(in_channels, width) if stage.expansion > 1 else nn.Identity()
        self.depthwise = NormalisedConvolution(width, width, stage.kernel_size, stride=stride, groups=width)
        self.project = NormalisedConvolution(width, stage.out_channels, is_linear=True)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        projected: Tensor = self.project(self.depthwise(self.expand(features)))
        return features + projected if self.is_residual else projected


class EfficientNetLite0(nn.Module):
    """From pixels to class probabilities and an embedding, normalisation of the pixels included."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = NormalisedConvolution(3, _STEM_CHANNELS, 3, stride=2)
        self.blocks = nn.Sequential(*_blocks())
        self.head = NormalisedConvolution(STAGES[-1].out_channels, EMBEDDING_SIZE)
        self.classifier = nn.Linear(EMBEDDING_SIZE, NUM_CLASSES)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Classify images.

        Args:
            pixels: (N, 224, 224, 3) uint8 RGB.

        Returns:
            Probabilities (N, 1000) float32 that sum to 1, and embeddings (N, 1280) float32, non-negative, not
            normalised.
        """
        embedding = self.embed(pixels)
        logits = self.classifier(embedding)
        return torch.softmax(logits.float(), dim=1), embedding.float()

    def embed(self, pixels: Tensor) -> Tensor:
        """Average the head's features over the image; (N, 1280) in the precision of the weights."""
        # Pixels and what becomes of them here are integers of 8 bits over a power of two: exact in bfloat16 too.
        image = pixels.permute(0, 3, 1, 2).to(self.classifier.weight.dtype)
        features: Tensor = self.head(self.blocks(self.stem((image - _PIXEL_MEAN) / _PIXEL_SCALE)))
        return features.mean(dim=(2, 3))


def _blocks() -> list[InvertedResidual]:
    blocks = []
    in_channels = _STEM_CHANNELS
    for stage in STAGES:
        for index in range(stage.num_blocks):
            blocks.append(InvertedResidual(stage, in_channels, stage.stride if index == 0 else 1))
            in_channels = stage.out_channels
    return blocks


def load_efficientnet_lite0(cache_dir: Path) -> EfficientNetLite0:
    """Build the network with its published weights: evaluation mode, float32, norms folded.

    Raises:
        WeightsMissing: the weights were never fetched.
        WeightsCorrupt: they are not those that the card names.
    """
    published = read_state_dict(weight_path(EFFICIENTNET_LITE0, cache_dir))
    network = EfficientNetLite0().eval()
    network.load_state_dict({_our_key(key): value for key, value in published.items()}, strict=True)
    for module in network.modules():
        if isinstance(module, NormalisedConvolution):
            module.fold_norm()
    return network.requires_grad_(False)


_BLOCK_PARTS = {
    "_expand_conv": "expand.convolution",
    "_depthwise_conv": "depthwise.convolution",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.convolution",
    "_bn2": "project.norm",
    "_bn0": "expand.norm",
}
_OUTER_PARTS = {
    "_conv_stem": "stem.convolution",
    "_bn0": "stem.norm",
    "_conv_head": "head.convolution",
    "_bn1": "head.norm",
    "_fc": "classifier",
}
_BLOCK_KEY = re.compile(r"_blocks\.(\d+)\.(\w+)\.(\w+)")


def _our_key(published: str) -> str:
    """Translate a name of the published state dict; loading is strict, so a wrong name cannot go unnoticed."""
    if block := _BLOCK_KEY.fullmatch(published):
        index, part, tensor = block.groups()
        return f"blocks.{index}.{_BLOCK_PARTS[part]}.{tensor}"
    part, _, tensor = published.partition(".")
    return f"{_OUTER_PARTS[part]}.{tensor}"
