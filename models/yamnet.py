"""YAMNet: scores of 521 AudioSet sounds in a second of audio, and an embedding.

A window is 15,600 samples (0.975 s) at 16 kHz, which is exactly the 96 analysis frames that the network sees at once.
The network's own hop is half of that; callers choose theirs.

Sources: A. G. Howard et al., "MobileNets" (2017); J. F. Gemmeke et al., "Audio Set" (ICASSP 2017); TensorFlow model
garden, research/audioset/yamnet.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.log_mel import LogMel
from models.weight_files import YAMNET, YAMNET_CLASS_MAP
from models.weights import weight_path

WINDOW_SAMPLES = 15_600
"""0.975 s at 16 kHz."""

_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
"""Channels and stride of each separable block."""
_FIRST_CHANNELS = 32
_NUM_CLASSES = 521


def _convolution(inputs: int, outputs: int, stride: int, groups: int = 1) -> nn.Sequential:
    """3x3 with TensorFlow's "same" padding, which at stride 2 pads only the right and bottom edges."""
    padding = nn.ZeroPad2d((0, 1, 0, 1)) if stride == 2 else nn.ZeroPad2d(1)
    return nn.Sequential(padding, nn.Conv2d(inputs, outputs, 3, stride, groups=groups), nn.ReLU())


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Filter each channel separately, then combine all channels at each place."""
    depthwise = _convolution(inputs, inputs, stride, groups=inputs)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1), nn.ReLU())


def _trunk() -> nn.Sequential:
    blocks = [_convolution(1, _FIRST_CHANNELS, stride=2)]
    inputs = _FIRST_CHANNELS
    for outputs, stride in _BLOCKS:
        blocks.append(_separable(inputs, outputs, stride))
        inputs = outputs
    return nn.Sequential(*blocks)


class _Network(nn.Module):
    """Log-mel spectrograms (N, 96, 64) to scores and embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = _trunk()
        self.classifier = nn.Linear(1024, _NUM_CLASSES)

    def forward(self, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        patches = spectrogram.unsqueeze(1)
        embedding = self.trunk(patches.to(self.classifier.weight.dtype)).mean((2, 3))
        return torch.sigmoid(self.classifier(embedding).float()), embedding.float()


class YamNet(nn.Module):
    """Waveforms (N, 15600) float32 in [-1, 1], 16 kHz mono, to scores (N, 521) in [0, 1] and embeddings (N, 1024).

    Scores are independent of each other: several sounds may occur at once. Embeddings are not of unit length. After a
    cast to bfloat16, the spectrogram is still computed in float32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.network = _Network()

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        scores, embedding = self.network(self.log_mel(waveform))
        return scores, embedding

    def front_and_network(self) -> tuple[nn.Module, nn.Module]:
        """Return the spectrogram, which stays in float32, and the network on it, for engines that reduce precision
        themselves."""
        return self.log_mel, self.network


def _fill(module: nn.Module, layers: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Copy the layers into the convolutions and the classifier, in order of application.

    Raises:
        ValueError: Their number differs, or a shape does.
    """
    targets = [layer for layer in module.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for target, (weight, bias) in zip(targets, layers, strict=True):
        if (shape := tuple(target.weight.shape)) != weight.shape:
            raise ValueError(f"stored weight has shape {weight.shape}, must be {shape}")
        target.weight.data = torch.tensor(weight)
        target.bias = nn.Parameter(torch.tensor(bias))


def load_yamnet(cache_dir: Path) -> YamNet:
    """Load the trained model in float32, in evaluation mode.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    from models.yamnet_weights import read_layers  # imports onnx

    model = YamNet()
    _fill(model, read_layers(weight_path(YAMNET, cache_dir)))
    return model.eval().requires_grad_(False)


def load_yamnet_classes(cache_dir: Path) -> tuple[str, ...]:
    """AudioSet's display names of the 521 scores, in their order."""
    with weight_path(YAMNET_CLASS_MAP, cache_dir).open(encoding="utf-8", newline="") as file:
        return tuple(row["display_name"] for row in csv.DictReader(file))
