"""Static share, embedding, size on a screen, and the one visit to a frame."""

from __future__ import annotations

import numpy as np
import pytest

from models.model_input import FrameInput
from operators.frames.displayed_size import displayed_px
from operators.frames.frame_features import look_at
from operators.frames.image_embedding import image_embedding
from operators.frames.static_ratio import static_ratio, thumbnail
from operators.media.index import VideoStreamIndex

SQUARE = FrameInput(224, "shorter-side", 256)


def thumbnails(*levels: int) -> list[np.ndarray]:
    return [np.full((32, 32), level, dtype=np.uint8) for level in levels]


class TestStaticRatio:
    def test_share_of_like_neighbours(self) -> None:
        """Of four pairs of neighbours two look alike."""
        assert static_ratio(thumbnails(90, 91, 140, 141, 200)) == 0.5

    def test_single_frame(self) -> None:
        """In one frame nothing moves."""
        assert static_ratio(thumbnails(10)) == 1.0

    def test_noise_is_still(self) -> None:
        """Noise of the camera averages out in thumbnails."""
        noise = np.random.default_rng(1)
        frames = [(128 + noise.normal(0, 5, (256, 456))).astype(np.uint8) for _ in range(4)]

        assert static_ratio([thumbnail(frame) for frame in frames]) == 1.0

    def test_darkness(self) -> None:
        """Where nothing is lit nobody sees whether it moves: nothing is stated."""
        noise = np.random.default_rng(1)
        dark = [np.clip(9 + noise.normal(0, 6, (256, 456)), 0, 255).astype(np.uint8) for _ in range(4)]

        assert static_ratio([thumbnail(frame) for frame in dark]) is None
        assert static_ratio(thumbnails(0, 0, 0)) is None

    def test_fade_to_black(self) -> None:
        """A picture that stands, fades and stays black: what is black counts for nothing."""
        assert static_ratio(thumbnails(120, 120, 60, 12, 0, 0, 0)) == pytest.approx(1 / 3)

    def test_light_that_moves_at_night(self) -> None:
        """A small light that moves through a dark scene is movement, though most of the picture is black."""
        frames = []
        for number in range(4):
            luma = np.full((256, 456), 6, np.uint8)
            luma[120:150, 60 + 60 * number : 100 + 60 * number] = 200
            frames.append(thumbnail(luma))

        assert static_ratio(frames) == 0.0

    def test_dim_scene(self) -> None:
        """In a scene of a fifth of the light a fifth of the difference counts."""
        dim = [np.full((32, 32), 30, np.uint8) for _ in range(3)]
        for number, frame in enumerate(dim):
            frame[:, 4 + 6 * number : 10 + 6 * number] = 34

        assert static_ratio(dim) == 0.0

    def test_light_that_changes(self) -> None:
        """A lamp that flickers is no movement: the same picture in another exposure looks alike."""
        draw = np.random.default_rng(3)
        picture = draw.integers(40, 160, (32, 32))

        assert static_ratio([(picture * gain).astype(np.uint8) for gain in (1.0, 0.8, 1.2, 0.7)]) == 1.0

    def test_slides(self) -> None:
        """Slides that are shown one after another stand still; what differs at each step moves."""
        draw = np.random.default_rng(4)
        slides = [draw.integers(0, 256, (32, 32), dtype=np.uint8) for _ in range(4)]

        assert static_ratio([slide for slide in slides for _ in range(3)]) == 1.0
        assert static_ratio(slides) == 0.0

    def test_credits_that_stand(self) -> None:
        """White letters that stand on black are a picture, and it is static."""
        page = np.zeros((32, 32), np.uint8)
        page[8:20:3, 6:26] = 200

        assert static_ratio([page, page, page]) == 1.0


class TestImageEmbedding:
    def test_mean_direction(self) -> None:
        """The mean of two vectors, at length one."""
        assert image_embedding(np.array([[2.0, 0.0], [0.0, 2.0]], np.float32)) == pytest.approx([0.5**0.5, 0.5**0.5])

    def test_zero(self) -> None:
        """No direction stays none, and finite."""
        assert np.array_equal(np.zeros(3, np.float32), image_embedding(np.zeros((2, 3), np.float32)))


class TestDisplayedPx:
    @pytest.mark.parametrize(
        ("stored", "pixel_aspect", "upright", "expected"),
        [
            ((1920, 1080), 1.0, (256, 455), (1920, 1080)),
            ((1920, 1080), 1.0, (455, 256), (1080, 1920)),
            ((720, 576), 64 / 45, (256, 455), (1024, 576)),
            ((500, 500), 1.0, (256, 256), (500, 500)),
        ],
        ids=["as stored", "turned", "wide pixels", "square"],
    )
    def test_size(
        self,
        stored: tuple[int, int],
        pixel_aspect: float,
        upright: tuple[int, int],
        expected: tuple[int, int],
    ) -> None:
        """Square pixels, turned where the upright frame shows that the stored one is on its side."""
        video = VideoStreamIndex(
            codec="h264",
            width=stored[0],
            height=stored[1],
            pixel_aspect=pixel_aspect,
            frame_rate_hz=25.0,
            start_seconds=0.0,
            duration_seconds=4.0,
            num_packets=100,
            keyframe_seconds=(0.0,),
            is_listed=True,
            is_complete=True,
        )

        assert expected == displayed_px(video, *upright)


class TestLookAt:
    def test_read_only_frame(self) -> None:
        """A frame in shared memory, which nobody may write, is measured all the same."""
        pixels = np.random.default_rng(1).integers(0, 256, (256, 455, 3), dtype=np.uint8)
        pixels.setflags(write=False)

        look = look_at(pixels, [SQUARE, FrameInput(96, "squash", 96), SQUARE])

        assert look.thumbnail.shape == (32, 32)
        assert [square.shape for square in look.squares.values()] == [(224, 224, 3), (96, 96, 3)]

    @pytest.mark.parametrize(("height", "width"), [(1, 512), (512, 1), (2, 2)])
    def test_slivers(self, height: int, width: int) -> None:
        """The narrowest frames that a decoder may yield break nothing."""
        assert 0.0 <= look_at(np.zeros((height, width, 3), dtype=np.uint8), [SQUARE]).quality.brightness_ratio <= 1.0
