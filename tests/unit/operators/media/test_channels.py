"""Sound of every layout: as loud as an independent meter says, and nothing of it unheard."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
import pytest
from av.audio.layout import AudioLayout

from operators.audio.loudness import measure_loudness
from operators.media.channels import channel_names, conversion, loudness_weights
from operators.media.mono import mono_of
from operators.media.plan import PlanPolicy
from tests.decoded_here import DecodedHere, decoded_here

HZ = 48_000
SECONDS = 4
NAMES = {
    "mono": ("FC",),
    "stereo": ("FL", "FR"),
    "2.1": ("FL", "FR", "LFE"),
    "3.0": ("FL", "FR", "FC"),
    "quad": ("FL", "FR", "BL", "BR"),
    "4.0": ("FL", "FR", "FC", "BC"),
    "5.0": ("FL", "FR", "FC", "BL", "BR"),
    "5.1": ("FL", "FR", "FC", "LFE", "BL", "BR"),
    "5.1(side)": ("FL", "FR", "FC", "LFE", "SL", "SR"),
    "6.1": ("FL", "FR", "FC", "LFE", "BC", "SL", "SR"),
    "7.1": ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR"),
}


def tone(hz: float = 440.0, level: float = 0.1) -> np.ndarray:
    """(N,) float32."""
    return (level * np.sin(2 * np.pi * hz * np.arange(SECONDS * HZ) / HZ)).astype(np.float32)


def sound(layout: str, **levels: float) -> np.ndarray:
    """(C, N): the same tone in the channels named, at these levels."""
    return np.stack([levels.get(name, 0.0) * tone() for name in NAMES[layout]])


def frames_of(channels: np.ndarray, layout: str, rate: int = HZ) -> Sequence[av.AudioFrame]:
    """In pieces, as encoders take them."""
    found = []
    for first in range(0, channels.shape[1], 1024):
        packed = np.ascontiguousarray(channels[:, first : first + 1024].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, "flt", layout)
        frame.sample_rate, frame.pts = rate, first
        found.append(frame)
    return found


def write(path: Path, channels: np.ndarray, layout: str) -> Path:
    """As WAV of floats, which says what its channels are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_f32le", rate=HZ)
        stream.layout = layout
        for frame in frames_of(channels, layout):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ebur128(channels: np.ndarray, layout: str) -> float:
    """Integrated loudness by FFmpeg's own meter."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=HZ, format="flt", layout=layout, time_base=Fraction(1, HZ))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    told = ""
    for frame in frames_of(channels, layout):
        frame.time_base = Fraction(1, HZ)
        graph.push(frame)
        with suppress(av.FFmpegError):
            while True:
                told = graph.pull().metadata.get("lavfi.r128.I", told)
    return float(told)


def measured(found: DecodedHere) -> float:
    lufs = measure_loudness(found.full_band, found.channel_weights).integrated_lufs
    assert lufs is not None
    return lufs


def heard(found: DecodedHere) -> float:
    """Amplitude of the tone in what models hear."""
    inner = found.speech[4_000:-4_000]
    return float(abs(np.mean(inner * np.exp(-2j * np.pi * 440 * np.arange(len(inner)) / 16_000))) * 2)


class TestLoudness:
    @pytest.mark.parametrize("layout", sorted(NAMES))
    def test_each_layout(self, layout: str, tmp_path: Path) -> None:
        """Noise of another level in each channel, from file to number: as FFmpeg's meter says, to a tenth."""
        noise = np.random.default_rng(7)
        levels = 0.02 * (1 + np.arange(len(NAMES[layout])))[:, None]
        channels = (levels * noise.standard_normal((len(NAMES[layout]), SECONDS * HZ))).astype(np.float32)

        found = decoded_here(write(tmp_path / "noise.wav", channels, layout))

        assert found.full_band.shape[1] == len(NAMES[layout])
        assert measured(found) == pytest.approx(ebur128(channels, layout), abs=0.1)

    @pytest.mark.parametrize("name", ["FL", "FC", "BL", "SR"])
    def test_one_channel_of_seven(self, name: str, tmp_path: Path) -> None:
        """Surround counts 1.41 times, that is 1.5 dB; front and centre as they are."""
        found = decoded_here(write(tmp_path / "one.wav", sound("7.1", **{name: 1.0}), "7.1"))

        front = measure_loudness(tone()[:, np.newaxis]).integrated_lufs
        assert front is not None
        assert measured(found) == pytest.approx(front + (1.49 if name in ("BL", "SR") else 0.0), abs=0.02)

    def test_low_frequency_channel(self, tmp_path: Path) -> None:
        """It has no loudness, and is heard all the same: nothing hides in it."""
        found = decoded_here(write(tmp_path / "lfe.wav", sound("5.1", LFE=1.0), "5.1"))

        assert measure_loudness(found.full_band, found.channel_weights).integrated_lufs is None
        assert heard(found) == pytest.approx(0.05, rel=0.05)

    def test_peak_is_of_the_samples(self, tmp_path: Path) -> None:
        """No weight touches the peak."""
        found = decoded_here(write(tmp_path / "peak.wav", sound("5.1", BL=1.0), "5.1"))

        assert measure_loudness(found.full_band, found.channel_weights).peak_dbfs == pytest.approx(-20.0, abs=0.05)


class TestHeard:
    @pytest.mark.parametrize("layout", sorted(NAMES))
    def test_every_channel(self, layout: str, tmp_path: Path) -> None:
        """What is in one channel alone reaches the models, at a quarter of its amplitude at least."""
        for name in NAMES[layout]:
            found = decoded_here(write(tmp_path / "one.wav", sound(layout, **{name: 1.0}), layout))
            assert heard(found) > 0.025, name

    @pytest.mark.parametrize(
        ("layout", "levels"),
        [
            ("stereo", {"FL": 1.0, "FR": -1.0}),
            ("quad", {"FL": 1.0, "FR": 1.0, "BL": -1.4142, "BR": -1.4142}),
            ("5.1", {"FL": 1.0, "FR": 1.0, "FC": -1.4142}),
            ("5.1(side)", {"FC": 1.0, "SL": -1.0, "SR": -1.0}),
            ("5.1", {"FC": 1.0, "LFE": -1.4142}),
            ("7.1", {"BL": 1.0, "BR": 1.0, "SL": -1.0, "SR": -1.0}),
        ],
    )
    def test_channels_that_cancel_out(self, layout: str, levels: dict[str, float], tmp_path: Path) -> None:
        """A voice whose channels cancel out in the mix is heard as loud as one of them."""
        found = decoded_here(write(tmp_path / "phase.wav", sound(layout, **levels), layout))

        assert heard(found) > 0.07

    def test_dialogue_in_the_centre(self, tmp_path: Path) -> None:
        """As loud as players make it in stereo."""
        found = decoded_here(write(tmp_path / "centre.wav", sound("5.1", FC=1.0), "5.1"))

        assert heard(found) == pytest.approx(0.0707, rel=0.03)

    @pytest.mark.parametrize("num_channels", [1, 2, 3, 4, 5, 6, 7, 8, 10, 16])
    def test_channels_without_names(self, num_channels: int, tmp_path: Path) -> None:
        """WAV of old tools names no channels: each of any number of them is heard."""
        for channel in {0, num_channels // 2, num_channels - 1}:
            samples = np.zeros((SECONDS * HZ, num_channels), "<i2")
            samples[:, channel] = np.round(tone() * 32_767)
            with wave.open(str(tmp_path / "unnamed.wav"), "wb") as file:
                file.setnchannels(num_channels)
                file.setsampwidth(2)
                file.setframerate(HZ)
                file.writeframes(samples.tobytes())
            found = decoded_here(tmp_path / "unnamed.wav")
            assert found.failure is None
            assert heard(found) > 0.025


class TestChangeInMidStream:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (("stereo", 48_000), ("5.1", 48_000)),
            (("5.1", 48_000), ("stereo", 48_000)),
            (("mono", 44_100), ("stereo", 48_000)),
        ],
        ids=["5.1 behind stereo", "stereo behind 5.1", "rate and channels"],
    )
    def test_nothing_is_lost(self, first: tuple[str, int], second: tuple[str, int], tmp_path: Path) -> None:
        """A stream that goes on with other channels or another rate is heard to its end, as one stretch."""
        path = tmp_path / "change.ts"
        parts = []
        for number, (layout, rate) in enumerate((first, second)):
            part = tmp_path / f"{number}.ts"
            with av.open(str(part), "w", format="mpegts") as container:
                stream = container.add_stream("aac", rate=rate)
                stream.layout = layout
                channels = np.stack([tone()[: 2 * rate]] * len(NAMES[layout]))
                for frame in frames_of(channels, layout, rate):
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            parts.append(part.read_bytes())
        path.write_bytes(b"".join(parts))

        found = decoded_here(path)

        assert found.failure is None
        assert found.receipt is not None
        assert found.receipt.decode_errors == 0
        assert len(found.speech) / 16_000 == pytest.approx(4.0, abs=0.15)
        tail = found.speech[-16_000:-4_000]
        assert np.sqrt(np.mean(tail**2)) > 0.03


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".ts", "aac"), (".aac", "aac"), (".flv", "aac"), (".mp3", "libmp3lame")]
)
def test_sound_that_is_not_listened_to_is_said(suffix: str, codec: str, tmp_path: Path) -> None:
    """Of sound that is longer than what is listened to, the planned share says how much: also where no header does."""
    path = tmp_path / f"long{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=HZ)
        stream.layout = "mono"
        for frame in frames_of(sound("mono", FC=1.0), "mono"):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    for seconds, share in ((2.0, 0.5), (300.0, 1.0)):
        receipt = decoded_here(path, PlanPolicy(max_audio_seconds=seconds, num_audio_spans=2)).receipt
        assert receipt is not None
        assert receipt.audio is not None
        assert receipt.audio.planned_ratio == pytest.approx(share, abs=0.04)


class TestPureParts:
    def test_weights(self) -> None:
        """BS.1770-4, and nothing for the low-frequency channel."""
        assert loudness_weights(NAMES["5.1"]) == (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)

    def test_names_of_a_layout(self) -> None:
        """FFmpeg's; usual ones where there are none."""
        assert channel_names(AudioLayout("5.1(side)")) == NAMES["5.1(side)"]
        assert channel_names(AudioLayout("6 channels")) == NAMES["5.1"]

    def test_conversion(self) -> None:
        """None where nothing is to be done; mono to stereo keeps the power; what has no place goes left or right."""
        assert conversion(NAMES["5.1"], NAMES["5.1"]) is None
        to_stereo = conversion(("FC",), ("FL", "FR"))
        assert to_stereo is not None
        assert (to_stereo**2).sum() == pytest.approx(1.0)
        to_back = conversion(NAMES["5.1(side)"], NAMES["stereo"])
        assert to_back is not None
        assert to_back[4].tolist() == pytest.approx([0.7071, 0.0], abs=1e-4)

    def test_more_than_two_without_gains(self) -> None:
        """One channel stays what it is."""
        assert np.array_equal(mono_of(tone()[:, np.newaxis], lambda samples: samples), tone())
