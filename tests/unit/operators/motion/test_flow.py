"""Motion of synthetic pictures that move in known ways."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.media.tracks import MotionSpan, MotionTrack
from operators.motion.flow import FlowMeter, chosen_pairs, pair_motions

HEIGHT, WIDTH = 90, 160


def texture(seed: int = 1, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Blobs that flow can hold on to."""
    noise = np.random.default_rng(seed).random((height // 3, width // 3)).astype(np.float32)
    return (cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 200 + 20).clip(0, 255).astype(np.uint8)


def moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The picture under an affine map."""
    return cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def measure(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    measured = FlowMeter(*first.shape).measure(first, second)
    assert measured is not None
    return measured.camera, measured.object


class TestFlowMeter:
    @pytest.mark.parametrize("shift_px", [1, 3, 6])
    def test_pan(self, shift_px: int) -> None:
        """A pan is the camera's, by its whole length; nothing is left for objects."""
        wide = texture(width=WIDTH + 30)
        camera, residual = measure(wide[:, :WIDTH], np.ascontiguousarray(wide[:, shift_px : shift_px + WIDTH]))

        assert camera * WIDTH == pytest.approx(shift_px, rel=0.15)
        assert residual * WIDTH < 0.4

    def test_zoom(self) -> None:
        """A zoom is the camera's too: points move in proportion to their distance from the middle."""
        picture = texture()
        zoomed = moved(picture, cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0.0, 1.04))
        rows, columns = np.indices((HEIGHT, WIDTH))
        expected_px = 0.04 * np.hypot(rows - HEIGHT / 2, columns - WIDTH / 2).mean()

        camera, residual = measure(picture, zoomed)

        assert camera * WIDTH == pytest.approx(expected_px, rel=0.2)
        assert residual < camera / 2

    def test_object(self) -> None:
        """Something that moves before a still background is no motion of the camera."""
        first, second, thing = texture(2), texture(2), texture(3, 45, 60)
        first[20:65, 40:100] = thing
        second[20:65, 44:104] = thing

        camera, residual = measure(first, second)

        assert camera * WIDTH < 0.2
        assert residual * WIDTH == pytest.approx(4 * 45 * 60 / (HEIGHT * WIDTH), rel=0.5)

    @pytest.mark.parametrize("shift_px", [2, 8])
    def test_object_before_a_plain_wall(self, shift_px: int) -> None:
        """A head that fills a quarter of the picture moves as one, and the wall behind it stands still."""
        wall = np.clip(texture(7).astype(np.int16) // 16 + 110, 0, 255).astype(np.uint8)
        first, second, head = wall.copy(), wall.copy(), texture(8, 66, 60)
        first[24:, 50:110] = head
        second[24:, 50 + shift_px : 110 + shift_px] = head

        camera, residual = measure(first, second)

        assert camera == 0.0
        assert residual * WIDTH > 0.1 * shift_px

    def test_object_in_front_of_black(self) -> None:
        """What moves where nothing else is to be seen is an object."""
        first, second = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
        first[30:60, 60:90] = second[30:60, 64:94] = texture(9, 30, 30)

        camera, residual = measure(first, second)

        assert camera == 0.0
        assert residual > 0.0

    def test_fast_pan(self) -> None:
        """A sixth of the picture between two pictures is beyond the search, and the camera's all the same."""
        wide = texture(10, width=WIDTH + 30)
        camera, residual = measure(wide[:, :WIDTH], np.ascontiguousarray(wide[:, 26 : 26 + WIDTH]))

        assert camera * WIDTH == pytest.approx(26, rel=0.04)
        assert residual < 0.1 * camera

    @pytest.mark.parametrize("shift_px", [3, 5])
    def test_scrolling_text(self, shift_px: int) -> None:
        """A page that scrolls moves as a whole, its white parts included."""
        page = np.full((HEIGHT + 20, WIDTH), 245, np.uint8)
        draw = np.random.default_rng(4)
        for top in np.cumsum(draw.integers(7, 13, 9)):
            for left in range(8, WIDTH - 12, 7):
                page[top : top + 5, left : left + int(draw.integers(2, 6))] = int(draw.integers(10, 90))

        camera, residual = measure(page[:HEIGHT], page[shift_px : shift_px + HEIGHT])

        assert camera * WIDTH == pytest.approx(shift_px, rel=0.15)
        assert residual < 0.15 * camera

    @pytest.mark.parametrize("gain", [0.7, 0.85, 1.2])
    def test_flicker(self, gain: float) -> None:
        """Light that changes is no motion."""
        picture = (texture(11) // 2 + 20).astype(np.uint8)

        assert sum(measure(picture, np.clip(picture * gain, 0, 255).astype(np.uint8))) * 12 < 0.002

    def test_cursor(self) -> None:
        """A cursor on a page moves less than anybody notices."""
        first, second = texture(12), texture(12)
        first[40:46, 60:64] = 0
        second[40:46, 66:70] = 0

        assert sum(measure(first, second)) < 0.002

    def test_still(self) -> None:
        """The same picture does not move, nor does one with a sensor's noise of less than a level."""
        assert (0.0, 0.0) == measure(texture(), texture())

    @pytest.mark.parametrize(("height", "width"), [(320, 32), (32, 320), (160, 90), (32, 32)])
    def test_shapes(self, height: int, width: int) -> None:
        """Noise of any shape gives finite numbers."""
        noise = np.random.default_rng(1)
        first, second = (noise.integers(0, 256, (height, width), dtype=np.uint8) for _ in range(2))

        assert np.isfinite(measure(first, second)).all()


def panning_track(hz: float, shift_px: int, num_frames: int = 24, spans: tuple[MotionSpan, ...] = ()) -> MotionTrack:
    wide = texture(width=WIDTH + shift_px * num_frames)
    frames = [wide[:, index * shift_px : index * shift_px + WIDTH] for index in range(num_frames)]
    return MotionTrack(np.arange(num_frames) / hz, np.stack(frames), spans or (MotionSpan(0, num_frames),))


class TestPairMotions:
    @pytest.mark.parametrize(("hz", "shift_px"), [(12.0, 2), (6.0, 4)])
    def test_widths_a_second(self, hz: float, shift_px: int) -> None:
        """The same speed reads the same at every frame rate."""
        motions = pair_motions(panning_track(hz, shift_px), ())

        assert np.mean([motion.camera for motion in motions]) == pytest.approx(24 / WIDTH, rel=0.15)

    def test_head_before_a_dim_wall(self) -> None:
        """What stirs a little, and holds most of the texture, is no camera."""
        wall = (texture(20) // 6 + 22).astype(np.uint8)
        luma = np.stack([wall] * 36)
        head = texture(21, 84, 66)
        for number, picture in enumerate(luma):
            left, top = 60 + round(4 * np.sin(0.5 * number)), 6 + round(2 * np.sin(0.8 * number))
            picture[top : top + 80, left : left + 66] = head[:80]
        track = MotionTrack(np.arange(36) / 12.0, luma, (MotionSpan(0, 36),))

        motions = pair_motions(track, ())

        assert sum(motion.camera for motion in motions) < 0.1 * sum(motion.object for motion in motions)

    @pytest.mark.parametrize("speed", [0.03, 0.05, 0.1])
    def test_slow_pan(self, speed: float) -> None:
        """Is measured to 6 %, from pictures that are farther apart."""
        wide = cv2.GaussianBlur(texture(22, HEIGHT * 4, WIDTH * 12), (0, 0), 4)
        views = [wide[:, round(speed * number * 4 * WIDTH / 12) :][:, : WIDTH * 4] for number in range(36)]
        luma = np.stack([cv2.resize(view, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) for view in views])
        track = MotionTrack(np.arange(36) / 12.0, luma, (MotionSpan(0, 36),))

        assert np.mean([motion.camera for motion in pair_motions(track, ())]) == pytest.approx(speed, rel=0.06)

    def test_movement_that_begins(self) -> None:
        """Seconds before it are still, though later pictures are compared with earlier ones."""
        wide = texture(23, width=WIDTH + 40)
        luma = np.stack([wide[:, max(0, number - 24) :][:, :WIDTH] for number in range(48)])
        track = MotionTrack(np.arange(48) / 12.0, luma, (MotionSpan(0, 48),))

        lengths = {motion.pts_seconds: motion.camera + motion.object for motion in pair_motions(track, ())}

        assert max(length for at, length in lengths.items() if at < 1.9) == 0.0
        assert min(length for at, length in lengths.items() if at > 2.1) > 0.0

    def test_pairs_are_thinned(self) -> None:
        """Two pairs a second at most, evenly."""
        pairs = [frame for _, frame in chosen_pairs(panning_track(12.0, 1), ())]

        assert pairs == [1, 7, 13, 19]

    def test_never_over_a_gap_or_a_cut(self) -> None:
        """Neither the first frame of a span nor that of a shot is compared with the one before."""
        track = panning_track(2.0, 1, num_frames=8, spans=(MotionSpan(0, 4), MotionSpan(4, 8)))
        cut_seconds = float(track.pts_seconds[6])

        assert [(0, 1), (0, 2), (0, 3), (4, 5), (6, 7)] == list(chosen_pairs(track, [cut_seconds]))

    @pytest.mark.parametrize(("height", "width"), [(320, 2), (2, 320), (24, 300)])
    def test_slivers(self, height: int, width: int) -> None:
        """Pictures too narrow to search are left out instead of failing a hostile video's analysis."""
        luma = np.random.default_rng(1).integers(0, 256, (4, height, width), dtype=np.uint8)

        assert pair_motions(MotionTrack(np.arange(4.0), luma, (MotionSpan(0, 4),)), ()) == ()

    def test_no_pairs(self) -> None:
        """One frame has no motion."""
        assert pair_motions(panning_track(12.0, 1, num_frames=1), ()) == ()
