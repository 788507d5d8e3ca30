"""The models that listen, against real sounds, their packaged originals and facts recorded from references."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from models import card_registry, silero_vad
from models.card import Card
from models.card_registry import cards_of_modality
from models.log_mel import LogMel
from models.silero_vad import SileroVad, load_silero_vad
from models.weight_files import WEIGHT_FILES
from models.yamnet import WINDOW_SAMPLES, YamNet, load_yamnet, load_yamnet_classes
from schemas.labels import LABELS

AUDIO_CARDS = cards_of_modality("audio", card_registry.CARDS)
CARDS = {card.name: card for card in AUDIO_CARDS if card.batch_sizes}
VOICE_PROBABILITIES = (
    0.07838,
    0.324899,
    0.155126,
    0.025936,
    0.008858,
    0.001072,
    0.000627,
    0.00064,
    0.032259,
    0.001404,
    0.003016,
    0.000317,
    0.101187,
    0.006339,
    0.00099,
    0.000802,
)
"""Of every eighth chunk of `voice()`, by the TorchScript model of silero-vad 6.2.3, run chunk by chunk."""
ALARMING = (
    *("Gunshot, gunfire", "Machine gun", "Fusillade", "Artillery fire", "Explosion"),
    *("Screaming", "Groan", "Yell", "Wail, moan"),
    *("Siren", "Civil defense siren", "Police car (siren)", "Ambulance (siren)", "Fire engine, fire truck (siren)"),
)


@pytest.fixture(scope="module")
def yamnet(cache_dir: Path) -> YamNet:
    """The sound classifier with its published weights."""
    return load_yamnet(cache_dir)


@pytest.fixture(scope="module")
def classes(cache_dir: Path) -> tuple[str, ...]:
    """Names of the sounds."""
    return load_yamnet_classes(cache_dir)


@pytest.fixture(scope="module")
def vad(cache_dir: Path) -> SileroVad:
    """The speech detector with its published weights."""
    return load_silero_vad(cache_dir)


def sound(path: Path) -> np.ndarray:
    """The first audio stream of a file, (S,) float32 mono at 16 kHz."""
    resampler = av.AudioResampler("flt", "mono", 16_000)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        return np.concatenate([part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)])


def cut(samples: np.ndarray, num_samples: int) -> Tensor:
    """Windows one after another, (N, num_samples), without the rest."""
    return torch.from_numpy(samples[: len(samples) // num_samples * num_samples].reshape(-1, num_samples))


def voice() -> np.ndarray:
    """One window of somebody who says the same syllable for ever, (65536,) float32: harmonics under three formants."""
    seconds = np.arange(silero_vad.WINDOW_SAMPLES) / silero_vad.SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * seconds)) / silero_vad.SAMPLE_RATE_HZ
    tone = np.zeros_like(seconds)
    for number in range(1, 30):
        for formant_hz, width_hz in ((500, 80), (1500, 120), (2500, 160)):
            tone += np.sin(number * phase) / (1 + ((120 * number - formant_hz) / width_hz) ** 2)
    syllables = np.clip(np.sin(2 * np.pi * 2 * seconds), 0, 1) * (seconds % 2 < 1.5)
    return (0.1 * tone * syllables).astype(np.float32)


def noise(card: Card, size: int) -> Tensor:
    """A batch of soft noise in the shape that a card asks for, the same at every call."""
    seeded = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn((size, *card.input_shape), generator=seeded)


class TestAudioCards:
    """What the cards promise."""

    def test_labels(self, classes: tuple[str, ...]) -> None:
        """Every mapped label is in the taxonomy, and every output label is a class of the model."""
        mapped = [source for card in AUDIO_CARDS for source in card.labels]

        assert {source.label for source in mapped} <= set(LABELS)
        assert {source.output_label for source in mapped} == set(ALARMING)
        assert {source.output_label for source in mapped} <= set(classes)

    def test_files(self) -> None:
        """Every file of a card is one that is fetched."""
        assert {file for card in AUDIO_CARDS for file in card.files} <= set(WEIGHT_FILES)

    @pytest.mark.parametrize("name", CARDS)
    def test_trace(self, name: str, request: pytest.FixtureRequest) -> None:
        """Traced at the largest batch size, a model answers alike at every size, in as many outputs as named."""
        model = request.getfixturevalue({"yamnet": "yamnet", "silero-vad": "vad"}[name])
        card = CARDS[name]
        with torch.no_grad():
            traced = torch.jit.freeze(torch.jit.trace(model, noise(card, card.batch_sizes[-1]), check_trace=False))
            for size in card.batch_sizes:
                expected = model(noise(card, size))
                actual = traced(noise(card, size))
                assert len(card.outputs) == len(actual)
                for theirs, ours in zip(expected, actual, strict=True):
                    assert (size, torch.float32) == (ours.shape[0], ours.dtype)
                    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


class TestLogMel:
    """The front end of YAMNet."""

    def test_equals_the_definition(self, samples: Path) -> None:
        """A patch equals one computed with a Fourier transform in double precision."""
        waveform = sound(samples / "crowd.mp3")[:WINDOW_SAMPLES]
        log_mel = LogMel()
        frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), 400)[::160]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
        spectrum = np.abs(np.fft.rfft(frames * window, 512))

        expected = np.log(spectrum @ log_mel.filters.double().numpy() + 0.001)

        np.testing.assert_allclose(log_mel(torch.from_numpy(waveform)[None])[0].numpy(), expected, atol=1e-4)

    def test_stays_in_float32(self, yamnet: YamNet) -> None:
        """Casting the model around it changes neither the dtype nor a single number of the front end."""
        expected = yamnet.log_mel.basis.clone()
        cast = YamNet().to(torch.bfloat16)

        assert torch.bfloat16 == cast.network.classifier.weight.dtype
        assert torch.equal(expected, cast.log_mel.basis)


class TestYamNet:
    """Sounds that somebody recorded."""

    def mean_scores(self, yamnet: YamNet, samples: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
        scores, _ = yamnet(cut(samples, WINDOW_SAMPLES))
        return dict(zip(classes, scores.mean(0).tolist(), strict=True))

    @pytest.mark.parametrize(
        ("clip", "name", "least"),
        [("crowd.mp3", "Applause", 0.5), ("obama_speech.mp4", "Speech", 0.85), ("bigbuckbunny.mp4", "Music", 0.2)],
    )
    def test_real_sounds(
        self, clip: str, name: str, least: float, yamnet: YamNet, classes: tuple[str, ...], samples: Path
    ) -> None:
        """The sound that a clip is known for scores highest, and nothing alarming is heard."""
        scores = self.mean_scores(yamnet, sound(samples / clip), classes)

        assert name == max(scores, key=lambda name: scores[name])
        assert scores[name] > least
        assert max(scores[alarming] for alarming in ALARMING) < 0.1

    def test_silence(self, yamnet: YamNet, classes: tuple[str, ...]) -> None:
        """Zeros are silence and nothing else."""
        scores = self.mean_scores(yamnet, np.zeros(2 * WINDOW_SAMPLES, dtype=np.float32), classes)

        assert scores.pop("Silence") > 0.99
        assert max(scores.values()) < 0.01

    def test_shapes(self, yamnet: YamNet, classes: tuple[str, ...]) -> None:
        """A window gives 521 scores in [0, 1], one for each name, and 1024 numbers that are never negative."""
        scores, embedding = yamnet(noise(CARDS["yamnet"], 2))

        assert (tuple(scores.shape), tuple(embedding.shape)) == ((2, 521), (2, 1024))
        assert len(set(classes)) == 521
        assert scores.min() >= 0.0
        assert scores.max() <= 1.0
        assert embedding.min() >= 0.0

    def test_loud_input(self, yamnet: YamNet) -> None:
        """Samples far outside [-1, 1] give numbers all the same."""
        assert all(output.isfinite().all() for output in yamnet(1e6 * noise(CARDS["yamnet"], 1)))


class TestSileroVad:
    """Speech, against the model as its authors run it."""

    def streamed(self, vad: SileroVad, samples: np.ndarray) -> np.ndarray:
        """What the same network says of an endless stream, (C,) float32."""
        whole = torch.from_numpy(samples)[None]
        states, _ = vad.lstm(vad._encoded(vad._spectrum(whole)).squeeze(2)[None])
        return torch.sigmoid(vad.final_conv(states.relu().transpose(1, 2))).flatten().numpy()

    def joined(self, vad: SileroVad, samples: np.ndarray) -> np.ndarray:
        """Cut, scored and joined as the module says."""
        num_chunks = len(samples) // silero_vad.CHUNK_SAMPLES
        starts = range(0, len(samples) - silero_vad.WARM_UP_CHUNKS * 512, silero_vad.HOP_SAMPLES)
        padded = np.pad(samples, (0, silero_vad.WINDOW_SAMPLES))
        windows = torch.from_numpy(np.stack([padded[start : start + silero_vad.WINDOW_SAMPLES] for start in starts]))
        (speech,) = vad(windows)
        kept = [speech[0], *speech[1:, silero_vad.WARM_UP_CHUNKS :]]
        return torch.cat(kept).numpy()[:num_chunks]

    def test_equals_the_original(self, vad: SileroVad) -> None:
        """Within one window every probability is the original's."""
        (speech,) = vad(torch.from_numpy(voice())[None])

        np.testing.assert_allclose(speech[0, ::8].numpy(), VOICE_PROBABILITIES, atol=1e-4)

    def test_joined_windows(self, vad: SileroVad, samples: Path) -> None:
        """Over many windows, 1 chunk in 100 at most changes sides, and the share of speech stays."""
        speech = sound(samples / "sample.wav")

        joined, streamed = self.joined(vad, speech), self.streamed(vad, speech)

        np.testing.assert_allclose(joined[: silero_vad.WINDOW_CHUNKS], streamed[: silero_vad.WINDOW_CHUNKS], atol=1e-4)
        assert ((joined > 0.5) != (streamed > 0.5)).mean() <= 0.01
        assert abs((joined > 0.5).mean() - (streamed > 0.5).mean()) <= 0.01
        assert streamed.max() > 0.9

    def test_a_short_window_scores_as_the_beginning_of_a_long_one(self, vad: SileroVad) -> None:
        """The network only looks back: what would follow, zeros or sound, changes nothing."""
        assert silero_vad.LENGTHS == CARDS["silero-vad"].lengths
        whole = torch.from_numpy(voice())[None]
        (expected,) = vad(whole)
        for length in silero_vad.LENGTHS:
            (speech,) = vad(whole[:, :length])
            assert speech.shape == (1, length // silero_vad.CHUNK_SAMPLES)
            torch.testing.assert_close(speech, expected[:, : speech.shape[1]], atol=1e-5, rtol=0)

    def test_items_are_independent(self, vad: SileroVad) -> None:
        """A window scores alike alone and next to others."""
        batch = noise(CARDS["silero-vad"], 3)

        torch.testing.assert_close(vad(batch[1:2])[0], vad(batch)[0][1:2], atol=1e-5, rtol=0)

    def test_no_speech(self, vad: SileroVad, samples: Path) -> None:
        """Neither silence nor applause is speech."""
        applause = cut(sound(samples / "crowd.mp3"), silero_vad.WINDOW_SAMPLES)

        assert vad(torch.zeros(1, silero_vad.WINDOW_SAMPLES))[0].max() < 0.1
        assert vad(applause)[0].max() < 0.5
