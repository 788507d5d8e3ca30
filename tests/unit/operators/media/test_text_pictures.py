"""Which of a video's pictures are kept in the size in which text is read."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from operators.media.plan import PlanPolicy
from operators.media.text_pictures import MIN_CELLS, TextPicturePicker, text_trace
from tests.decoded_here import decoded_here

HEIGHT, WIDTH = 256, 455


def ground(seed: int = 1) -> np.ndarray:
    """A picture of soft blotches."""
    blotches = np.random.default_rng(seed).integers(60, 180, (5, 9, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(blotches, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def written(text: str, top: int = 200, seed: int = 1, on: np.ndarray | None = None) -> np.ndarray:
    pixels = ground(seed) if on is None else on.copy()
    for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
        cv2.putText(pixels, text, (20, top), cv2.FONT_HERSHEY_SIMPLEX, 0.8, colour, width, cv2.LINE_AA)
    return pixels


def kept(pictures: list[np.ndarray], max_pictures: int = 4) -> list[tuple[float, list[float]]]:
    """Times of the pictures that are kept, each with the times of those that show the same."""
    picker = TextPicturePicker(max_pictures)
    for number, pixels in enumerate(pictures):
        picker.offer(pixels, float(number), lambda pixels=pixels: pixels)
    return [(found.seconds, found.alike_seconds) for found in picker.pictures()]


class TestTrace:
    def test_text_is_seen(self) -> None:
        """A line of text has cells, a picture of soft things and one of a thing with hard edges have none."""
        box = ground()
        box[60:200, 100:300] = 255
        assert text_trace(written("Follow me for more")).num_cells >= MIN_CELLS
        assert text_trace(ground()).num_cells == text_trace(box).num_cells == 0

    def test_a_texture_counts_little(self) -> None:
        """Gravel is busy everywhere; text has quiet rows next to it."""
        gravel = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        assert text_trace(gravel).num_cells < 0.4 * (HEIGHT // 8) * (WIDTH // 16)

    @pytest.mark.parametrize("shape", [(1, 1), (7, 600), (256, 15), (300, 2)])
    def test_any_shape(self, shape: tuple[int, int]) -> None:
        """Pictures that are smaller than a cell have no text."""
        assert text_trace(np.zeros((*shape, 3), np.uint8)).num_cells == 0


class TestPicker:
    def test_a_flash_is_kept(self) -> None:
        """One picture of twelve shows text."""
        pictures = [ground() for _ in range(12)]
        pictures[7] = written("nobody will see this")
        assert kept(pictures) == [(7.0, [7.0])]

    def test_a_standing_caption_is_kept_once(self) -> None:
        """With the times of all pictures that show it, whatever is behind it."""
        pictures = [written("welcome to my channel", seed=seed) for seed in range(6)]
        assert kept(pictures) == [(0.0, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])]

    def test_a_flash_next_to_a_standing_caption(self) -> None:
        """It is kept by itself, at its own time; the caption keeps the times of all other pictures."""
        pictures = [written("welcome to my channel") for _ in range(8)]
        pictures[5] = written("nobody will see this", top=80, on=pictures[5])
        assert sorted(kept(pictures)) == [(0.0, [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 7.0]), (5.0, [5.0])]

    def test_a_caption_over_noise_is_kept_once(self) -> None:
        """What a codec and a camera change between two pictures is no further text."""
        noise = np.random.default_rng(3)
        pictures = [
            np.clip(written("welcome to my channel") + noise.normal(0, 12, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)
            for _ in range(6)
        ]
        assert kept(pictures) == [(0.0, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])]

    def test_other_words_at_the_same_place(self) -> None:
        """Subtitles are different texts, and the pictures with most text are kept."""
        words = ["one", "hello my dear friends", "what a day it is", "come with me now", "so we went home"]
        found = kept([written(each) for each in words])
        assert sorted(seconds for seconds, _ in found) == [1.0, 2.0, 3.0, 4.0]

    def test_without_text_one_picture_is_kept(self) -> None:
        """Not the black one at the beginning: faint text has no strong strokes."""
        pictures = [np.zeros((HEIGHT, WIDTH, 3), np.uint8), ground(), ground()]
        pictures[1][100:130, ::8] += 40
        assert [seconds for seconds, _ in kept(pictures)] == [1.0]

    def test_off(self) -> None:
        """With no pictures wanted none is looked at."""
        assert kept([written("hello my dear friends")], max_pictures=0) == []


class TestDecode:
    def test_size_and_time(self, tmp_path: Path) -> None:
        """A picture with text comes in the size for reading, from the same decode; the others are not kept."""
        path = tmp_path / "flash.mp4"
        write(path, [ground() if number // 10 != 2 else written("nobody will see this") for number in range(50)])
        found = decoded_here(path)
        (picture,) = found.text_pictures
        assert picture.pixels.shape == (360, 640, 3)
        assert 2.0 <= picture.pts_seconds < 3.0
        assert picture.alike_seconds == (picture.pts_seconds,)
        assert np.abs(picture.pixels.mean(axis=(0, 1)) - found.pictures[2].mean(axis=(0, 1))).max() < 3

    def test_none(self, tmp_path: Path) -> None:
        """A plan without such pictures gets none."""
        path = tmp_path / "text.mp4"
        write(path, [written("hello my dear friends")] * 20)
        assert decoded_here(path, PlanPolicy(max_text_pictures=0)).text_pictures == ()


def write(path: Path, frames: list[np.ndarray]) -> None:
    """H.264 of 1280x720 at 10 pictures a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "20"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 1280, 720
        for frame in frames:
            large = cv2.resize(frame, (1280, 720), interpolation=cv2.INTER_CUBIC)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        container.mux(stream.encode(None))
