"""NanoDet-g: boxes of the 80 COCO classes in a square of 416 pixels.

Source: RangiLyu, NanoDet (2020), variant g without depthwise convolutions; its boxes are distributions of distances,
X. Li et al., "Generalized Focal Loss" (NeurIPS 2020). The published graph has its batch normalisations folded into the
convolutions, which are read in their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.tfjs_weights import read_convolutions
from models.weight_files import NANODET, NANODET_GRAPH
from models.weights import weight_path

SIDE_PX: Final = 416
NUM_CLASSES: Final = 80
STRIDES_PX: Final = (8, 16, 32)
"""Distance of the points of each level, from which boxes are measured."""
NUM_BINS: Final = 11
"""Distances of 0 to 10 strides, of which each side of a box has a distribution."""
_WIDTH: Final = 128
_SLOPE: Final = 0.1
_BGR_MEAN: Final = (103.53, 116.28, 123.675)
_BGR_STD: Final = (57.375, 57.12, 58.395)


class Narrowing(nn.Module):
    """Two convolutions of half the width, next to each other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _filter(width, width // 2)
        self.second = _filter(width // 2, width // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, width, H, W) to the same shape."""
        first = self.first(features)
        return torch.cat([self.second(first), first], dim=1)


class CrossStage(nn.Module):
    """A cross-stage block: what it computes, next to what it begins with."""

    def __init__(self, width: int, depth: int, stride: int) -> None:
        super().__init__()
        self.begin = _filter(width, width, stride)
        self.narrowings = nn.Sequential(*(Narrowing(width) for _ in range(depth)))
        self.end = _filter(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, width, H, W) to (N, 2 * width, H / stride, W / stride)."""
        begun = self.begin(features)
        return torch.cat([self.end(self.narrowings(begun)), begun], dim=1)


class NanoDet(nn.Module):
    """From pixels to boxes and scores, colour order and normalisation included."""

    bgr_mean: Tensor
    bgr_std: Tensor
    points: Tensor
    strides: Tensor
    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bgr_mean", torch.tensor(_BGR_MEAN), persistent=False)
        self.register_buffer("bgr_std", torch.tensor(_BGR_STD), persistent=False)
        self.stem = nn.Sequential(_filter(3, 32, 2), nn.MaxPool2d(3, stride=2, padding=1))
        self.stages = nn.ModuleList(
            [CrossStage(32, 1, 1), CrossStage(64, 2, 2), CrossStage(128, 2, 2), CrossStage(256, 3, 2)]
        )
        self.laterals = nn.ModuleList([nn.Conv2d(width, _WIDTH, 1) for width in (128, 256, 512)])
        self.heads = nn.ModuleList(
            [nn.Sequential(_filter(_WIDTH, _WIDTH), nn.Conv2d(_WIDTH, NUM_CLASSES + 4 * NUM_BINS, 1)) for _ in range(3)]
        )
        points, strides = _points()
        self.register_buffer("points", points, persistent=False)
        self.register_buffer("strides", strides, persistent=False)
        self.register_buffer("bins", torch.arange(NUM_BINS, dtype=torch.float32), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Find objects.

        Args:
            pixels: (N, 416, 416, 3) uint8 RGB.

        Returns:
            For 3549 points: corners left, top, right, bottom of a box in shares of the square, (N, 3549, 4) float32,
            not cut off at its edges; and scores of the classes, (N, 3549, 80) float32 in [0, 1].
        """
        bgr = ((pixels.flip(-1).float() - self.bgr_mean) / self.bgr_std).permute(0, 3, 1, 2)
        found = self._found(bgr.to(next(self.parameters()).dtype)).float()
        scores = found[..., :NUM_CLASSES].sigmoid()
        # No size of a batch in the shapes: one graph serves all of them.
        bins = found[..., NUM_CLASSES:].reshape(-1, len(self.points), 4, NUM_BINS)
        distances = (bins.softmax(dim=3) * self.bins).sum(dim=3) * self.strides
        corners = torch.cat([self.points - distances[..., :2], self.points + distances[..., 2:]], dim=2)
        return corners / SIDE_PX, scores

    def _found(self, features: Tensor) -> Tensor:
        """Return (N, 3549, 124): what the heads say of each point."""
        features = self.stages[0](self.stem(features))
        levels = []
        for stage, lateral in zip(list(self.stages)[1:], self.laterals, strict=True):
            features = stage(features)
            levels.append(lateral(features))
        levels = _mixed(*levels)
        said = [head(level).flatten(2) for head, level in zip(self.heads, levels, strict=True)]
        return torch.cat(said, dim=2).transpose(1, 2)


def _mixed(fine: Tensor, middle: Tensor, coarse: Tensor) -> list[Tensor]:
    """Add what each level knows to the finer ones, and then back to the coarser ones (path aggregation)."""
    middle = middle + _scaled(coarse, middle)
    fine = fine + _scaled(middle, fine)
    middle = middle + _scaled(fine, middle)
    return [fine, middle, coarse + _scaled(middle, coarse)]


def _scaled(features: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(features, size=like.shape[2:], mode="bilinear", align_corners=False)


def _filter(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, padding=1), nn.LeakyReLU(_SLOPE))


def _points() -> tuple[Tensor, Tensor]:
    """Return (3549, 2) centres of the cells of all levels, x and y in pixels, and (3549, 1) their distances."""
    points, strides = [], []
    for stride in STRIDES_PX:
        centres = (torch.arange(SIDE_PX // stride, dtype=torch.float32) + 0.5) * stride
        rows, columns = torch.meshgrid(centres, centres, indexing="ij")
        points.append(torch.stack([columns.flatten(), rows.flatten()], dim=1))
        strides.append(torch.full((len(centres) ** 2, 1), float(stride)))
    return torch.cat(points), torch.cat(strides)


def load_nanodet(cache_dir: Path) -> NanoDet:
    """Build the network with the published weights: evaluation mode and float32.

    Raises:
        WeightsMissing: the weights were never fetched.
        WeightsCorrupt: their hash differs from the card's.
    """
    network = NanoDet().eval()
    found = read_convolutions(weight_path(NANODET_GRAPH, cache_dir), weight_path(NANODET, cache_dir))
    wanted = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    with torch.no_grad():
        for module, convolution in zip(wanted, found, strict=True):
            _put(module.weight, convolution.weight)
            if module.bias is not None:
                _put(module.bias, convolution.bias)
    return network.requires_grad_(False)


def _put(place: Tensor, value: Tensor) -> None:
    if place.shape != value.shape:
        raise ValueError(f"a convolution of NanoDet has the shape {tuple(value.shape)}, not {tuple(place.shape)}")
    place.copy_(value)
