"""Whisper in CTranslate2: 30 s of speech to text with times, on one thread.

Source: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022). Decoding is greedy and at
temperature 0, so that the same sound gives the same text: a sampled answer differs from run to run, and makes words of
applause.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from tokenizers import Tokenizer

from models.weight_files import WHISPER_BASE, WHISPER_TINY_EN
from models.weights import weight_path

WHISPER_FILES: Final = {"whisper-tiny-en": WHISPER_TINY_EN, "whisper-base": WHISPER_BASE}
"""By name of the card."""
MODE: Final = "ctranslate2-int8"
"""Engine and precision on a processor, as receipts and fingerprints name them."""
MEL_SHAPE: Final = (80, 3_000)
"""Of a window's spectrogram."""
SAMPLE_RATE_HZ: Final = 16_000
WINDOW_SECONDS: Final = 30
WINDOW_SAMPLES: Final = WINDOW_SECONDS * SAMPLE_RATE_HZ
MAX_NEW_TOKENS: Final = 224
"""Half of the decoder's positions, as in the paper."""
_STEP_SECONDS: Final = 0.02
"""Of the tokens that mean a time."""
_LATEST_FIRST_TIME: Final = 50
"""The first segment begins within the first second, as in the paper."""


@dataclass(frozen=True, slots=True)
class DecodedSpeech:
    """The tokens of one window."""

    tokens: tuple[int, ...]
    mean_logprob: float
    """Mean logarithm of the tokens' probabilities."""


class Whisper:
    """One model; safe to use from one thread at a time.

    Args:
        model: `ctranslate2.models.Whisper`.
        tokenizer: with Whisper's special tokens.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.first_time_token = self._number("<|notimestamps|>") + 1

    @property
    def is_multilingual(self) -> bool:
        """Whether it knows other languages than English."""
        return bool(self._model.is_multilingual)

    def encode(self, log_mel: np.ndarray) -> Any:
        """Return the encoder's output for a spectrogram, (80, 3000) float32; it costs most of the work."""
        import ctranslate2

        features = np.ascontiguousarray(log_mel[np.newaxis], dtype=np.float32)
        return self._model.encode(ctranslate2.StorageView.from_array(features))

    def encode_batch(self, log_mels: np.ndarray) -> np.ndarray:
        """Return the encoder's output for several windows, (N, 1500, D) float32; see `from_batch`.

        Args:
            log_mels: (N, 80, 3000) float32.
        """
        import ctranslate2

        features = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mels, dtype=np.float32))
        return np.array(self._model.encode(features, to_cpu=True).to(ctranslate2.DataType.float32))

    def from_batch(self, row: np.ndarray) -> Any:
        """Return a row of `encode_batch`, (1500, D) float32, as `encode` would."""
        import ctranslate2

        return ctranslate2.StorageView.from_array(np.ascontiguousarray(row[np.newaxis]))

    def language(self, encoded: Any) -> tuple[str, float]:
        """Return the most likely language of a window, as an ISO 639 code, and its probability."""
        ((token, probability), *_) = self._model.detect_language(encoded)[0]
        return token[2:-2], float(probability)

    def decode(self, encoded: Any, language: str, max_tokens: int) -> DecodedSpeech:
        """Return what is said in a window, as tokens of text and times.

        Args:
            encoded: of `encode`.
            language: ISO 639 code that `language` returned; `en` for a model of English alone.
            max_tokens: stop after this number, at most `MAX_NEW_TOKENS`.
        """
        prompt = self._prompt(language)
        (found,) = self._model.generate(
            encoded,
            [prompt],
            beam_size=1,
            sampling_topk=1,
            max_length=len(prompt) + min(max_tokens, MAX_NEW_TOKENS),
            return_scores=True,
            max_initial_timestamp_index=_LATEST_FIRST_TIME,
        )
        tokens = tuple(found.sequences_ids[0])
        # The score is the mean over the tokens; the paper counts the end as one more.
        return DecodedSpeech(tokens, float(found.scores[0]) * len(tokens) / (len(tokens) + 1))

    def text(self, tokens: Sequence[int]) -> str:
        """Return tokens of text as text."""
        return str(self._tokenizer.decode(list(tokens))).strip()

    def seconds(self, token: int) -> float | None:
        """Return the time that a token means, from the start of the window; None for text."""
        return (token - self.first_time_token) * _STEP_SECONDS if token >= self.first_time_token else None

    def _prompt(self, language: str) -> list[int]:
        words = ["<|startoftranscript|>"]
        words += [f"<|{language}|>", "<|transcribe|>"] if self.is_multilingual else []
        return [self._number(word) for word in words]

    def _number(self, word: str) -> int:
        number = self._tokenizer.token_to_id(word)
        if number is None:
            raise ValueError(f"the tokenizer has no token {word!r}")
        return int(number)


def load_whisper(name: str, cache_dir: Path, *, device: str = "cpu", compute_type: str = "int8") -> Whisper:
    """Load a model by the name of its card.

    Args:
        name: of the card.
        cache_dir: with the weights.
        device: `cpu` or `cuda`.
        compute_type: CTranslate2's word for the precision.

    Raises:
        models.weights.WeightsMissing, models.weights.WeightsCorrupt: see there.
        ImportError: `ctranslate2` is not installed.
    """
    import ctranslate2

    files = WHISPER_FILES[name]
    paths = {file.member: weight_path(file, cache_dir) for file in files}
    parts = [path.read_bytes() for member, path in paths.items() if "model.bin" in member]
    content = {"model.bin": io.BytesIO(b"".join(parts))}
    content |= {each: io.BytesIO(_path(paths, each).read_bytes()) for each in ("config.json", "vocabulary.txt")}
    model = ctranslate2.models.Whisper(
        name,
        device=device,
        compute_type=compute_type,
        inter_threads=1,
        intra_threads=1,
        files=content,
    )
    return Whisper(model, Tokenizer.from_file(str(_path(paths, "tokenizer.json"))))


def verify_whisper(name: str, cache_dir: Path) -> None:
    """Check the files without loading them. Raises as `load_whisper` does of weights."""
    for file in WHISPER_FILES[name]:
        weight_path(file, cache_dir)


def _path(paths: dict[str, Path], name: str) -> Path:
    return next(path for member, path in paths.items() if member.endswith(f"/{name}"))
