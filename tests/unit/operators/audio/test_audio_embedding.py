"""Embedding of a video's sound."""

from __future__ import annotations

import numpy as np
import pytest

from operators.audio.audio_embedding import audio_embedding


class TestAudioEmbedding:
    def test_mean_direction(self) -> None:
        """The windows' mean at length one."""
        embedding = audio_embedding(np.array([[3.0, 0.0], [3.0, 8.0]], np.float32))

        assert embedding == pytest.approx([0.6, 0.8])
        assert embedding.dtype == np.float32
