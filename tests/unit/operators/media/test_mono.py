"""Nothing of two channels is lost in one."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from operators.media.mono import has_side, mono_of, quarter_turned
from tests.decoded_here import decoded_here

HZ = 48_000
SECONDS = np.arange(3 * HZ) / HZ
VOICE = (0.2 * np.sin(2 * np.pi * 500 * SECONDS)).astype(np.float32)
MUSIC = (0.2 * np.sin(2 * np.pi * 1300 * SECONDS)).astype(np.float32)


def power(samples: np.ndarray, hz: float) -> float:
    """Amplitude of one frequency, once the ends are left out."""
    inner = samples[HZ // 2 : -HZ // 2]
    turn = np.exp(-2j * np.pi * hz * np.arange(len(inner)) / HZ)
    return float(abs(np.mean(inner * turn)) * 2)


def mixed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One channel at the same rate."""
    return mono_of(np.stack([left, right], axis=1), lambda samples: samples)


def test_a_file_in_opposite_phase_is_not_silent(tmp_path: Path) -> None:
    """Through the decoder, as loud as the same sound in phase."""
    heard = []
    for sign in (1, -1):
        path = tmp_path / "phase.wav"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=HZ)
            stream.layout = "stereo"
            frame = av.AudioFrame.from_ndarray(np.stack([VOICE, sign * VOICE]), "fltp", "stereo")
            frame.sample_rate = HZ
            for part in av.AudioResampler("s16", "stereo", HZ).resample(frame):
                container.mux(stream.encode(part))
            container.mux(stream.encode())
        heard.append(float(np.sqrt(np.mean(decoded_here(path).speech ** 2))))
    assert heard[1] == pytest.approx(heard[0], rel=0.03)
    assert heard[0] > 0.1


class TestMono:
    """What a model hears."""

    @pytest.mark.parametrize(("left", "right"), [(1, 1), (1, -1), (-1, 1), (1, -0.5), (0.3, -1)])
    def test_a_voice_is_heard_in_whatever_phase(self, left: float, right: float) -> None:
        """At the mean of its channels' energies, not less than half of the louder one."""
        heard = power(mixed(left * VOICE, right * VOICE), 500)
        assert heard == pytest.approx(0.2 * np.sqrt((left**2 + right**2) / 2), rel=0.02)

    def test_a_voice_in_the_difference_only_is_heard_under_music(self) -> None:
        """Both are."""
        heard = mixed(MUSIC + 0.5 * VOICE, MUSIC - 0.5 * VOICE)
        assert power(heard, 500) == pytest.approx(0.1, rel=0.05)
        assert power(heard, 1300) == pytest.approx(0.2, rel=0.05)

    def test_a_voice_that_cancels_out_for_a_second_is_heard(self) -> None:
        """A short part in opposite phase does not hide in a long one that is not."""
        sign = np.where((SECONDS >= 1) & (SECONDS < 2), -1, 1).astype(np.float32)
        heard = mixed(VOICE, sign * VOICE)
        assert power(heard[HZ - HZ // 2 : 2 * HZ + HZ // 2], 500) == pytest.approx(0.2, rel=0.1)

    def test_channels_that_are_alike_give_their_mean(self) -> None:
        """Sample by sample; so does one channel alone."""
        assert np.array_equal(mixed(VOICE, VOICE), VOICE)
        assert np.array_equal(mono_of(VOICE[:, np.newaxis], lambda samples: samples), VOICE)
        assert not has_side(np.stack([VOICE, VOICE + 1e-6], axis=1))

    def test_a_quarter_turn_makes_a_sine_of_a_cosine(self) -> None:
        """Of nothing, nothing."""
        cosine = np.cos(2 * np.pi * 1024 * np.arange(65_536) / 65_536)
        turned = quarter_turned(cosine.astype(np.float32))
        assert float(np.mean(turned * cosine)) == pytest.approx(0.0, abs=0.01)
        assert float(np.mean(turned**2)) == pytest.approx(0.5, abs=0.01)
        assert len(quarter_turned(np.zeros(0, np.float32))) == 0
