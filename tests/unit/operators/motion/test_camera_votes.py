"""The parts of a picture vote on a movement of the camera."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from operators.motion.camera_votes import CameraVoter, CameraVotes, parts_of

HEIGHT, WIDTH = 90, 160


def scene(seed: int, width: int = WIDTH) -> np.ndarray:
    """(90, width) uint8: blobs of some pixels."""
    noise = np.random.default_rng(seed).random((HEIGHT // 6, width // 6)).astype(np.float32)
    return (cv2.resize(noise, (width, HEIGHT), interpolation=cv2.INTER_CUBIC) * 180 + 30).clip(0, 255).astype(np.uint8)


def moved_by(right_px: float) -> np.ndarray:
    return np.array([[1.0, 0.0, right_px], [0.0, 1.0, 0.0]])


def votes_on(first: np.ndarray, second: np.ndarray, right_px: float) -> CameraVotes:
    return CameraVoter(first, second).votes(moved_by(right_px))


def pan(shift_px: int) -> tuple[np.ndarray, np.ndarray]:
    wide = scene(1, WIDTH + 40)
    return wide[:, shift_px : shift_px + WIDTH], wide[:, :WIDTH]


@pytest.mark.parametrize("shift_px", [1, 4, 12])
def test_a_camera_that_moves(shift_px: int) -> None:
    """Explains what changed, in nearly every part; a camera that goes the other way does not."""
    first, second = pan(shift_px)
    votes, opposite = votes_on(first, second, shift_px), votes_on(first, second, -shift_px)

    assert votes.is_moving
    assert votes.explained.mean() > 0.9
    assert not opposite.is_moving


@pytest.mark.parametrize("shift_px", [1, 2, 5])
def test_a_face_before_a_faint_wall(shift_px: int) -> None:
    """Holds nearly all of the texture, and the wall says that the camera stands."""
    wall = (scene(2) // 6 + 22).astype(np.uint8)
    first, second, face = wall.copy(), wall.copy(), scene(3)[:, :70]
    first[:, 40:110] = face
    second[:, 40 + shift_px : 110 + shift_px] = face

    votes = votes_on(first, second, shift_px)

    assert votes.is_standing
    assert not votes.is_moving


def test_parts_that_a_codec_does_not_update() -> None:
    """A pan is one, also where a strip of it stays behind."""
    first, second = (picture.copy() for picture in pan(3))
    second[:18] = first[:18]

    assert votes_on(first, second, 3).is_moving


@pytest.mark.parametrize("right_px", [0.5, 2.0, 8.0])
def test_noise(right_px: float) -> None:
    """Shows no movement, however strong it is."""
    draw = np.random.default_rng(4)
    picture = scene(5)
    first, second = (np.clip(picture + draw.normal(0, 8, picture.shape), 0, 255).astype(np.uint8) for _ in range(2))

    assert not votes_on(first, second, right_px).is_moving


def test_something_that_moves_otherwise() -> None:
    """Neither moves as supposed nor stands, so another movement is worth a look."""
    first, second = pan(6)
    votes = CameraVoter(first, second).votes(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 9.0]]))

    assert not votes.is_moving
    assert not votes.is_standing


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 320), (320, 35), (91, 161)])
def test_any_size(height: int, width: int) -> None:
    """Has parts; where nothing is to be seen, nothing is said."""
    plain = np.full((height, width), 90, np.uint8)
    votes = votes_on(plain, plain, 1.0)

    assert votes.explained.shape == parts_of(height, width)
    assert not votes.is_moving
    assert not votes.is_standing
