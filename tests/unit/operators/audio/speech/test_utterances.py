"""What of a recogniser's answer counts."""

from __future__ import annotations

import pytest

from models.whisper import DecodedSpeech
from operators.audio.speech.utterances import is_believable, max_tokens, segments_of, utterances, without_loop

FIRST_TIME = 1000
CERTAIN = -0.2


class Tokens:
    """A model whose tokens are letters, and from 1000 on times of 20 ms."""

    def seconds(self, token: int) -> float | None:
        return (token - FIRST_TIME) * 0.02 if token >= FIRST_TIME else None

    def text(self, tokens: tuple[int, ...]) -> str:
        return "".join(map(chr, tokens)).strip()


def said(text: str, mean_logprob: float = CERTAIN, *, until: int = 100) -> list[str]:
    tokens = (FIRST_TIME, *map(ord, text), FIRST_TIME + until)
    return [each.text for each in utterances(Tokens(), DecodedSpeech(tokens, mean_logprob), 30.0)]  # type: ignore[arg-type]


class TestLoops:
    def test_ends_before_the_repetition(self) -> None:
        """What came before is kept, with the first time of what is repeated."""
        assert said("so it is, ymdwch ymdwch ymdwch ymdwch") == ["so it is, ymdwch"]

    def test_twice_is_no_loop(self) -> None:
        """People repeat themselves."""
        assert said("hello there, hello there, I said") == ["hello there, hello there, I said"]

    def test_times_between_hide_no_loop(self) -> None:
        """Nor do they count as words."""
        words = [5, 6, 7, 8, FIRST_TIME + 1]
        assert without_loop([1, *words * 3], lambda token: token < FIRST_TIME) == (1, *words)

    def test_short_words_again_and_again(self) -> None:
        """A loop of one token is a loop of four."""
        assert without_loop([1, *[9] * 40], lambda _: True) == (1, 9, 9, 9, 9)


class TestBelief:
    @pytest.mark.parametrize("text", ["I will see you tomorrow at the station.", "No.", "مرحبا بكم في هذا البرنامج"])
    def test_ordinary_words(self, text: str) -> None:
        """In any script, short or long."""
        assert is_believable(CERTAIN, text)

    def test_rare_words(self) -> None:
        """What the model itself finds unlikely was not said."""
        assert said("Thank you.", -1.42) == []

    def test_repetition(self) -> None:
        """A text that compresses well is no speech, even if no loop is exact."""
        assert said("la la lo la la la li la la lo la le la la la lo la la " * 8) == []

    @pytest.mark.parametrize("text", ["[Music]", "(applause)", "♪♪", "...", "*coughs*"])
    def test_remarks(self, text: str) -> None:
        """Names of sounds are no words."""
        assert said(text) == []


class TestTimes:
    def test_segments(self) -> None:
        """Each run of words has the times around it; the last may lack its end, and none is after the sound."""
        tokens = [FIRST_TIME, 1, 2, FIRST_TIME + 50, FIRST_TIME + 50, 3, FIRST_TIME + 900, 4]
        assert segments_of(tokens, Tokens().seconds, 4.0) == [(0.0, 1.0, (1, 2)), (1.0, 4.0, (3,)), (4.0, 4.0, (4,))]


def test_limit_of_tokens() -> None:
    """Grows with the sound, so that a loop in a short clip costs little; at most as the paper has it."""
    assert (max_tokens(1.0), max_tokens(30.0)) == (26, 224)
