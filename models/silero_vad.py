"""Silero VAD: the probability of speech in every 32 ms of audio at 16 kHz.

The network is recurrent and was made for an endless stream. Here it processes windows of 128 chunks or fewer, each
from an empty state, so that windows of many videos share a batch. An overlap lets it warm up. To score a track:

- window `w` starts at sample `w * HOP_SAMPLES` and has `WINDOW_SAMPLES`; the last one is padded with zeros to the
  least of `LENGTHS` that holds it;
- of window 0 keep all chunks; of every other one drop the first `WARM_UP_CHUNKS`, which the window before has scored;
- joined, value `i` is the speech probability of the samples `[i * CHUNK_SAMPLES, (i + 1) * CHUNK_SAMPLES)`; cut what is
  beyond the end of the track.

Tracks with gaps are cut at the gaps first: no window may reach over one. Source: Silero Team, "Silero VAD: pre-trained
enterprise-grade voice activity detector" (2024), model of version 6.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.weight_files import SILERO_VAD_16K
from models.weights import weight_path

SAMPLE_RATE_HZ = 16_000
CHUNK_SAMPLES = 512
"""32 ms, one probability."""
WINDOW_CHUNKS = 128
SHORT_WINDOW_CHUNKS = (32, 64)
"""Of windows that end with the track."""
WARM_UP_CHUNKS = 16
"""Overlap with the previous window, about half a second."""
WINDOW_SAMPLES = WINDOW_CHUNKS * CHUNK_SAMPLES
LENGTHS = (*(chunks * CHUNK_SAMPLES for chunks in SHORT_WINDOW_CHUNKS), WINDOW_SAMPLES)
"""Of windows, in samples."""
HOP_SAMPLES = (WINDOW_CHUNKS - WARM_UP_CHUNKS) * CHUNK_SAMPLES

_CONTEXT_SAMPLES = 64
"""How much of the previous chunk each chunk includes; the first of a window has zeros."""
_REFLECTED_SAMPLES = 64
_FFT_SAMPLES = 256
_NUM_BINS = _FFT_SAMPLES // 2 + 1
_STATE_SIZE = 128


class SileroVad(nn.Module):
    """Waveforms (N, T) float32 in [-1, 1], 16 kHz mono, to speech probabilities (N, T / 512) in [0, 1].

    T is one of `LENGTHS`. The network only looks back: what follows a chunk does not change its probability.

    Spectrum and encoder process all chunks of all windows at once; only the recurrent layer runs step by step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * _NUM_BINS, _FFT_SAMPLES, stride=_FFT_SAMPLES // 2, bias=False)
        self.conv1 = nn.Conv1d(_NUM_BINS, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, _STATE_SIZE, 3, padding=1)
        self.lstm = nn.LSTM(_STATE_SIZE, _STATE_SIZE, batch_first=True)
        self.final_conv = nn.Conv1d(_STATE_SIZE, 1, 1)

    def forward(self, waveform: Tensor) -> tuple[Tensor]:
        """See the class."""
        num_chunks = waveform.shape[1] // CHUNK_SAMPLES
        features = self._encoded(self._spectrum(waveform)).view(-1, num_chunks, _STATE_SIZE)
        states, _ = self.lstm(features)
        logits = self.final_conv(torch.relu(states).transpose(1, 2))
        return (torch.sigmoid(logits).squeeze(1).float(),)

    def _spectrum(self, waveform: Tensor) -> Tensor:
        """Return magnitudes (N * 128, 129, 4) of every chunk with its context."""
        padded = functional.pad(waveform, (_CONTEXT_SAMPLES, 0))
        chunks = padded.unfold(1, _CONTEXT_SAMPLES + CHUNK_SAMPLES, CHUNK_SAMPLES).flatten(0, 1).unsqueeze(1)
        real, imaginary = self.stft_conv(functional.pad(chunks, (0, _REFLECTED_SAMPLES), mode="reflect")).chunk(
            2, dim=1
        )
        return torch.sqrt(real.square() + imaginary.square())

    def _encoded(self, spectrum: Tensor) -> Tensor:
        """Return (N * 128, 128, 1): the two strided layers leave one time step per chunk."""
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            spectrum = torch.relu(convolution(spectrum))
        return spectrum


_STORED_NAMES = {
    "stft_conv.weight": "stft.forward_basis_buffer",
    **{
        f"conv{number}.{kind}": f"encoder.{number - 1}.reparam_conv.{kind}"
        for number in (1, 2, 3, 4)
        for kind in ("weight", "bias")
    },
    **{f"lstm.{kind}_l0": f"decoder.rnn.{kind}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    "final_conv.weight": "decoder.decoder.2.weight",
    "final_conv.bias": "decoder.decoder.2.bias",
}
"""Names of each parameter in the packaged graph, after `model.`."""


def _read_state(path: Path) -> dict[str, Tensor]:
    """Return the parameters under the names of `SileroVad`; only the stored tensors are read, the graph is not run."""
    import onnx

    graph = onnx.load(path).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {ours: torch.tensor(stored[f"model.{theirs}"]) for ours, theirs in _STORED_NAMES.items()}


def load_silero_vad(cache_dir: Path) -> SileroVad:
    """Load the trained model in float32, in evaluation mode.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: See there.
    """
    model = SileroVad()
    model.load_state_dict(_read_state(weight_path(SILERO_VAD_16K, cache_dir)))
    return model.eval().requires_grad_(False)
