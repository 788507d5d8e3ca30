"""The perceptual hash."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.frames.perceptual_hash import HASH_BITS, perceptual_hash

SAME_PICTURE_BITS = 31


def landscape(seed: int, height: int = 256, width: int = 456) -> np.ndarray:
    """Smooth random shapes of several sizes, as pictures have them."""
    noise = np.random.default_rng(seed)
    layers = [
        cv2.resize(noise.random((size, size * 2)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        / size**0.5
        for size in (3, 6, 12, 24, 48)
    ]
    picture = np.sum(layers, axis=0)
    return cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]


def recompressed(luma: np.ndarray, quality: int) -> np.ndarray:
    """The picture after JPEG."""
    _, encoded = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)


def bit_distance(first: str, second: str) -> int:
    """Bits in which two hashes differ, 0 to 256."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def distance(first: np.ndarray, second: np.ndarray) -> int:
    """Bits between two pictures."""
    return bit_distance(perceptual_hash(first).hexadecimal, perceptual_hash(second).hexadecimal)


class TestPerceptualHash:
    def test_form(self) -> None:
        """A hash is 64 hexadecimal digits of which half the bits are set, with a quality up to 100."""
        found = perceptual_hash(landscape(1))

        assert len(found.hexadecimal) == HASH_BITS // 4
        assert int(found.hexadecimal, 16).bit_count() == HASH_BITS // 2
        assert 0 <= found.quality <= 100

    @pytest.mark.parametrize("quality", [80, 40, 15])
    def test_recompression(self, quality: int) -> None:
        """JPEG leaves a picture recognisable."""
        assert distance(landscape(2), recompressed(landscape(2), quality)) <= SAME_PICTURE_BITS

    @pytest.mark.parametrize(("height", "width"), [(128, 228), (512, 912), (256, 300)])
    def test_scaling(self, height: int, width: int) -> None:
        """So does another size, even with another aspect."""
        scaled = cv2.resize(landscape(3), (width, height), interpolation=cv2.INTER_AREA)

        assert distance(landscape(3), scaled) <= SAME_PICTURE_BITS

    def test_brightness(self) -> None:
        """And another exposure."""
        assert distance(landscape(4), (landscape(4) * 0.7 + 20).astype(np.uint8)) <= SAME_PICTURE_BITS

    def test_other_pictures(self) -> None:
        """Different pictures lie about 128 bits apart, none by accident near."""
        hashes = [perceptual_hash(landscape(seed)).hexadecimal for seed in range(10, 26)]
        distances = [bit_distance(one, other) for index, one in enumerate(hashes) for other in hashes[:index]]

        assert np.mean(distances) == pytest.approx(128, abs=6)
        assert min(distances) > 2 * SAME_PICTURE_BITS

    def test_nothing_to_see(self) -> None:
        """A flat picture has a quality of zero, which tells a matcher to leave it alone."""
        assert perceptual_hash(np.full((256, 456), 77, dtype=np.uint8)).quality == 0

    def test_known_value(self) -> None:
        """The hash of a fixed picture, as the published reference implementation gives it within 2 bits."""
        rows, columns = np.indices((256, 456))
        luma = ((rows * 3 + columns * columns // 97) % 256).astype(np.uint8)

        assert bit_distance(REFERENCE, perceptual_hash(luma).hexadecimal) <= 2


REFERENCE = "a071807f2bfe81ff1fc07c0012e0381ff3ee983f31f06380be7e6380feaf6380"
"""Of the picture in `test_known_value`, made with the reference implementation's Python binding 0.2.8."""
