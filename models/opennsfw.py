"""open_nsfw: the probability that an image shows nudity or sexual acts.

Yahoo's classifier of 2016: a ResNet-50 (He et al., CVPR 2016) of half the width, with the stride in a block's first
convolution as in Caffe. The published graph has its batch normalisations folded into the convolutions already.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.weight_files import OPENNSFW
from models.weights import weight_path

STAGE_DEPTHS = (3, 4, 6, 3)
"""Blocks per stage."""

_STEM_CHANNELS = 64
_FIRST_STAGE_WIDTH = 32
_EXPANSION = 4
_BGR_MEAN = (104.0, 117.0, 123.0)
_NSFW = 1
"""Index of the class `nsfw`; the other, 0, is `sfw`."""


class Bottleneck(nn.Module):
    """Narrow, filter, widen; added to the input or to a projection of it."""

    def __init__(self, in_channels: int, width: int, *, stride: int, is_first: bool) -> None:
        super().__init__()
        out_channels = width * _EXPANSION
        self.narrow = nn.Conv2d(in_channels, width, 1, stride=stride)
        self.spatial = nn.Conv2d(width, width, 3, padding=1)
        self.widen = nn.Conv2d(width, out_channels, 1)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride) if is_first else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, 4 * width, H / stride, W / stride)."""
        narrow = functional.relu(self.narrow(features))
        widened: Tensor = self.widen(functional.relu(self.spatial(narrow)))
        return functional.relu(widened + self.shortcut(features))


class OpenNsfw(nn.Module):
    """From pixels to a probability, colour order and mean subtraction included."""

    bgr_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bgr_mean", torch.tensor(_BGR_MEAN), persistent=False)
        self.stem = nn.Conv2d(3, _STEM_CHANNELS, 7, stride=2, padding=3)
        # The graph pads the right and bottom only; with `ceil_mode` the last window extends exactly there.
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.stages = nn.Sequential(*(_stage(index) for index in range(len(STAGE_DEPTHS))))
        self.classifier = nn.Linear(_stage_width(len(STAGE_DEPTHS) - 1) * _EXPANSION, 2)

    def forward(self, pixels: Tensor) -> tuple[Tensor]:
        """Score images.

        Args:
            pixels: (N, 224, 224, 3) uint8 RGB.

        Returns:
            Probability of nudity or sexual acts, (N,) float32 in [0, 1].
        """
        # 8-bit integers up to the first convolution: exact in bfloat16, too.
        bgr = pixels.flip(-1).to(self.classifier.weight.dtype) - self.bgr_mean
        features = self.stages(self.pool(functional.relu(self.stem(bgr.permute(0, 3, 1, 2)))))
        logits = self.classifier(features.mean(dim=(2, 3)))
        return (torch.softmax(logits.float(), dim=1)[:, _NSFW],)


def _stage_width(index: int) -> int:
    return _FIRST_STAGE_WIDTH << index


def _stage(index: int) -> nn.Sequential:
    width = _stage_width(index)
    in_channels = _STEM_CHANNELS if index == 0 else _stage_width(index - 1) * _EXPANSION
    first = Bottleneck(in_channels, width, stride=1 if index == 0 else 2, is_first=True)
    others = (Bottleneck(width * _EXPANSION, width, stride=1, is_first=False) for _ in range(STAGE_DEPTHS[index] - 1))
    return nn.Sequential(first, *others)


def load_opennsfw(cache_dir: Path) -> OpenNsfw:
    """Build the network with the weights of the published ONNX graph: evaluation mode and float32.

    Raises:
        WeightsMissing: the weights were never fetched.
        WeightsCorrupt: their hash differs from the card's.
    """
    network = OpenNsfw().eval()
    network.load_state_dict(_read_graph(weight_path(OPENNSFW, cache_dir)), strict=True)
    return network.requires_grad_(False)


_LAYERS = {
    "branch2a": "narrow",
    "branch2b": "spatial",
    "branch2c": "widen",
    "proj_shortcut": "shortcut",
}
_BLOCK_OUTPUT = re.compile(r"bn_stage(\d)_block(\d)_(\w+)/.*")


def _read_graph(path: Path) -> dict[str, Tensor]:
    """Return weights and biases; the graph is read as bytes, none of its operators runs."""
    import onnx

    graph = onnx.load(str(path)).graph
    constants = {constant.name: constant for constant in graph.initializer}
    state: dict[str, Tensor] = {}
    for node in graph.node:
        if node.op_type == "Conv":
            layer = _layer_name(node.output[0])
            _, weight, bias = node.input
            state[f"{layer}.weight"] = _tensor(constants[weight])
            state[f"{layer}.bias"] = _tensor(constants[bias])
    # The graph multiplies from the right, (1024, 2); a linear layer stores the transpose.
    state["classifier.weight"] = _tensor(constants["fc_nsfw/MatMul/ReadVariableOp:0"]).T.contiguous()
    state["classifier.bias"] = _tensor(constants["fc_nsfw/BiasAdd/ReadVariableOp:0"])
    return state


def _layer_name(output: str) -> str:
    """Return our name of a layer from its output in the graph; the weights' own names are meaningless."""
    block = _BLOCK_OUTPUT.fullmatch(output)
    if block is None:
        return "stem"
    stage, index, branch = block.groups()
    return f"stages.{stage}.{index}.{_LAYERS[branch]}"


def _tensor(constant: Any) -> Tensor:
    from onnx import numpy_helper

    return torch.from_numpy(numpy_helper.to_array(constant).copy())
