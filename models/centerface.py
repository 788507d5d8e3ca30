"""CenterFace: where faces are in a square of 416 pixels. Faces are found, never described or compared.

Source: Y. Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point" (Scientific Programming
2020): an inverted-residual trunk (M. Sandler et al., CVPR 2018) with four levels, whose finest one says where a face
has its centre. The graph's output of facial points is not computed. Its batch normalisations are folded into the
convolutions, except those behind the transposed ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.weight_files import CENTERFACE
from models.weights import weight_path

SIDE_PX: Final = 416
STRIDE_PX: Final = 4
_WIDTH: Final = 24
_EPSILON: Final = 1e-3
_BLOCKS: Final = (
    *((16, 24, 2), (24, 24, 1), (24, 32, 2), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 64, 1)),
    *((64, 64, 1), (64, 96, 1), (96, 96, 1), (96, 96, 1), (96, 160, 2), (160, 160, 1), (160, 160, 1), (160, 320, 1)),
)
"""Channels in and out, and stride, of each inverted residual."""
_EXPANSION: Final = 6
_TAPS: Final = (1, 4, 11)
"""Blocks whose results the finer levels take up, the finest first."""


class FaceBlock(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the shapes agree."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        wide = in_channels * _EXPANSION
        self.widen = nn.Conv2d(in_channels, wide, 1)
        self.spatial = nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide)
        self.narrow = nn.Conv2d(wide, out_channels, 1)
        self._is_added = stride == 1 and in_channels == out_channels

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        narrow: Tensor = self.narrow(self.spatial(self.widen(features).relu()).relu())
        return narrow + features if self._is_added else narrow


class Upward(nn.Module):
    """A coarse level at twice its size, with what the finer one adds."""

    def __init__(self, fine_channels: int) -> None:
        super().__init__()
        self.grow = nn.ConvTranspose2d(_WIDTH, _WIDTH, 2, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(_WIDTH, eps=_EPSILON)
        self.lateral = nn.Conv2d(fine_channels, _WIDTH, 1)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Return (N, 24, H, W) in the size of the finer one."""
        grown: Tensor = self.norm(self.grow(coarse)).relu()
        added: Tensor = self.lateral(fine).relu()
        return grown + added


class CenterFace(nn.Module):
    """From pixels to boxes and scores."""

    centres: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2, padding=1)
        self.spatial = nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.narrow = nn.Conv2d(32, 16, 1)
        self.blocks = nn.ModuleList([FaceBlock(*block) for block in _BLOCKS])
        self.top = nn.Conv2d(320, _WIDTH, 1)
        self.upward = nn.ModuleList([Upward(channels) for channels in (96, 32, 24)])
        self.head = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1)
        self.heat = nn.Conv2d(_WIDTH, 1, 1)
        self.size = nn.Conv2d(_WIDTH, 2, 1)
        self.shift = nn.Conv2d(_WIDTH, 2, 1)
        self.register_buffer("centres", _centres(), persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Find faces.

        Args:
            pixels: (N, 416, 416, 3) uint8 RGB.

        Returns:
            For 10816 points: corners left, top, right, bottom of a box in shares of the square, (N, 10816, 4) float32,
            not cut off at its edges; and the score of a face, (N, 10816, 1) float32 in [0, 1].
        """
        features = self._finest(pixels.permute(0, 3, 1, 2).to(self.heat.weight.dtype))
        # Height and width in strides, as logarithms; shifts of the centre down and right, in strides.
        sides = self.size(features).float().flatten(2).transpose(1, 2).clamp(max=5.0).exp().flip(-1) * STRIDE_PX
        middles = self.centres + self.shift(features).float().flatten(2).transpose(1, 2).flip(-1) * STRIDE_PX
        scores = self.heat(features).float().sigmoid().flatten(2).transpose(1, 2)
        return torch.cat([middles - sides / 2, middles + sides / 2], dim=2) / SIDE_PX, scores

    def _finest(self, features: Tensor) -> Tensor:
        features = self.narrow(self.spatial(self.stem(features).relu()).relu())
        taps = []
        for place, block in enumerate(self.blocks):
            features = block(features)
            if place in _TAPS:
                taps.append(features)
        features = self.top(features).relu()
        for upward, fine in zip(self.upward, reversed(taps), strict=True):
            features = upward(features, fine)
        found: Tensor = self.head(features).relu()
        return found


def _centres() -> Tensor:
    """Return (10816, 2): x and y of the centre of each cell, in pixels."""
    centres = (torch.arange(SIDE_PX // STRIDE_PX, dtype=torch.float32) + 0.5) * STRIDE_PX
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], dim=1)


def load_centerface(cache_dir: Path) -> CenterFace:
    """Build the network with the weights of the published ONNX graph: evaluation mode and float32.

    Raises:
        WeightsMissing: the weights were never fetched.
        WeightsCorrupt: their hash differs from the card's.
    """
    network = CenterFace().eval()
    network.load_state_dict(_state(network, weight_path(CENTERFACE, cache_dir)), strict=True)
    return network.requires_grad_(False)


def _state(network: CenterFace, path: Path) -> dict[str, Tensor]:
    """Return weights and biases by our names; the graph is read as bytes, none of its operators runs."""
    import onnx

    graph = onnx.load(str(path)).graph
    constants = {constant.name: constant for constant in graph.initializer}
    nodes = [node for node in graph.node if node.op_type in _PARTS]
    state: dict[str, Tensor] = {}
    for name, node in zip(_names_in_order(network), nodes[:-1], strict=True):
        parts = zip(_PARTS[node.op_type], node.input[1:], strict=False)
        state |= {f"{name}.{part}": _tensor(constants[given]) for part, given in parts}
    return state


_PARTS: Final = {
    "Conv": ("weight", "bias"),
    "ConvTranspose": ("weight",),
    "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
}
"""By operator of the graph, what its inputs after the first one are."""


def _names_in_order(network: CenterFace) -> list[str]:
    """Return our names of the layers in the order of the graph, whose last one finds points of faces."""
    layers = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    return [name for name, module in network.named_modules() if isinstance(module, layers)]


def _tensor(constant: Any) -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(numpy_helper.to_array(constant).copy())
