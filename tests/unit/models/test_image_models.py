"""The two image models against facts recorded from their reference implementations."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.efficientnet_lite0 import EfficientNetLite0, NormalisedConvolution, load_efficientnet_lite0
from models.imagenet_labels import load_imagenet_labels
from models.opennsfw import OpenNsfw, load_opennsfw

SIDE = 224

LITE0_GRADIENT_LOGITS = (-0.21049, 0.40278, -0.17731, -1.00466)
"""First four of the reference implementation (efficientnet-lite-pytorch 0.1.0) for `gradient()`."""
LITE0_GRADIENT_CLASS = 812
OPENNSFW_GRADIENT = 0.23911451
"""Of the published graph in onnxruntime for `gradient()`."""


@pytest.fixture(scope="module")
def lite0(cache_dir: Path) -> EfficientNetLite0:
    """The classifier with its published weights."""
    return load_efficientnet_lite0(cache_dir)


@pytest.fixture(scope="module")
def opennsfw(cache_dir: Path) -> OpenNsfw:
    """The nudity classifier with its published weights."""
    return load_opennsfw(cache_dir)


def noise(num_images: int) -> Tensor:
    """Images of uniform noise, (num_images, 224, 224, 3) uint8, the same at every call."""
    seeded = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num_images, SIDE, SIDE, 3), generator=seeded, dtype=torch.uint8)


def gradient() -> Tensor:
    """One image that no library's random numbers can change: (1, 224, 224, 3) uint8."""
    rows, columns, channels = np.ogrid[:SIDE, :SIDE, :3]
    levels = (rows // 2 + 0 * columns - 40 * channels + 120) % 256
    return torch.from_numpy(levels.astype(np.uint8))[None]


def frame(clip: Path, index: int) -> Tensor:
    """One frame of a clip, squashed to 256x256 and cut to (1, 224, 224, 3) uint8 RGB."""
    with av.open(str(clip)) as container:
        pictures = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    squashed = cv2.resize(pictures[index], (256, 256), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(squashed[16:240, 16:240].copy())[None]


class TestEfficientNetLite0:
    """`EfficientNetLite0`."""

    def test_reference_numbers(self, lite0: EfficientNetLite0) -> None:
        """Logits equal those that the reference implementation gave for the same image."""
        with torch.inference_mode():
            logits = lite0.classifier(lite0.embed(gradient()))[0]

        assert pytest.approx(LITE0_GRADIENT_LOGITS, abs=1e-4) == logits[:4].tolist()
        assert logits.argmax().item() == LITE0_GRADIENT_CLASS

    @pytest.mark.parametrize(
        ("clip", "index", "label"),
        [
            ("carphone_pristine.mp4", 47, "bow tie"),
            ("shot_change.mp4", 29, "digital clock"),
        ],
    )
    def test_known_classes(
        self, lite0: EfficientNetLite0, cache_dir: Path, samples: Path, clip: str, index: int, label: str
    ) -> None:
        """What everybody sees in a clip is the likeliest class, and likelier than all others together."""
        with torch.inference_mode():
            probabilities, _ = lite0(frame(samples / clip, index))

        assert label == load_imagenet_labels(cache_dir)[probabilities.argmax().item()]
        assert probabilities.max().item() > 0.5

    def test_outputs(self, lite0: EfficientNetLite0) -> None:
        """Probabilities sum to 1; embeddings are averages of clipped activations, in [0, 6]."""
        with torch.inference_mode():
            probabilities, embedding = lite0(noise(2))

        assert tuple(probabilities.shape) == (2, 1000)
        assert tuple(embedding.shape) == (2, 1280)
        assert [pytest.approx(1.0, abs=1e-5)] * 2 == probabilities.sum(dim=1).tolist()
        assert 0.0 <= embedding.min().item() <= embedding.max().item() <= 6.0

    def test_norm_folding(self) -> None:
        """Folding the normalisation into the convolution leaves the function as it was."""
        torch.manual_seed(0)
        unit = NormalisedConvolution(3, 8, 3, stride=2).eval()
        assert isinstance(unit.norm, nn.BatchNorm2d)
        unit.norm.running_mean = torch.randn(8)
        unit.norm.running_var = torch.rand(8) + 0.5
        features = torch.randn(1, 3, 16, 16)
        expected = unit(features)
        unit.fold_norm()

        assert torch.allclose(expected, unit(features), atol=1e-5)
        assert isinstance(unit.norm, nn.Identity)

    @pytest.mark.parametrize(("kernel_size", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
    def test_same_padding(self, kernel_size: int, stride: int) -> None:
        """The output's side is the input's over the stride, as TensorFlow's SAME has it."""
        unit = NormalisedConvolution(1, 1, kernel_size, stride=stride).eval()

        assert (1, 1, 14 // stride, 14 // stride) == tuple(unit(torch.zeros(1, 1, 14, 14)).shape)


class TestOpenNsfw:
    """`OpenNsfw`."""

    def test_reference_numbers(self, opennsfw: OpenNsfw) -> None:
        """Probabilities equal those that the published graph gave for the same images."""
        with torch.inference_mode():
            (nsfw,) = opennsfw(gradient())

        assert [pytest.approx(OPENNSFW_GRADIENT, abs=1e-5)] == nsfw.tolist()

    @pytest.mark.parametrize(
        ("clip", "index"), [("carphone_pristine.mp4", 47), ("small.mp4", 33), ("cityCC0.mpg", 75), ("bikes.mp4", 49)]
    )
    def test_harmless_clips(self, opennsfw: OpenNsfw, samples: Path, clip: str, index: int) -> None:
        """Harmless clips stay far below any threshold."""
        with torch.inference_mode():
            (nsfw,) = opennsfw(frame(samples / clip, index))

        assert nsfw.item() < 0.05

    def test_colour_order(self, opennsfw: OpenNsfw) -> None:
        """Red and blue are not taken for each other: swapping them changes the answer."""
        with torch.inference_mode():
            (as_is,) = opennsfw(gradient())
            (swapped,) = opennsfw(gradient().flip(-1))

        assert as_is.item() != pytest.approx(swapped.item(), rel=1e-3)


class TestBoth:
    """What holds for either module."""

    @pytest.mark.parametrize("name", ["lite0", "opennsfw"])
    def test_traced(self, name: str, request: pytest.FixtureRequest) -> None:
        """A trace of one image computes any number of images, with the same results."""
        module = request.getfixturevalue(name)
        with torch.no_grad():
            traced = torch.jit.trace(module, noise(1), check_trace=False)
            expected = module(noise(3))
            actual = traced(noise(3))

        assert all(torch.allclose(*pair, atol=1e-5) for pair in zip(expected, actual, strict=True))

    @pytest.mark.parametrize("load", [load_efficientnet_lite0, load_opennsfw])
    def test_loaded_for_inference(self, load: object, cache_dir: Path) -> None:
        """A loaded module is in evaluation mode, float32 and needs no gradients."""
        assert callable(load)
        module = load(cache_dir)

        assert not module.training
        assert {torch.float32} == {parameter.dtype for parameter in module.parameters()}
        assert not any(parameter.requires_grad for parameter in module.parameters())


class TestImagenetLabels:
    """`load_imagenet_labels`."""

    def test_known_indices(self, cache_dir: Path) -> None:
        """The order is that of ImageNet-1k."""
        names = load_imagenet_labels(cache_dir)

        assert (names[0], names[413], names[763], names[764]) == ("tench", "assault rifle", "revolver", "rifle")
