"""The set of speech: words as they are compared, its material, and what is compared with what."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.heard.decoding import RATE_HZ
from ops.evaluate.heard.voices import voices_in
from ops.evaluate.judgements import Choice, Decided, Scored, Timed, Worded
from ops.evaluate.metrics.words import word_errors, word_figures
from ops.evaluate.product import Analysed
from ops.evaluate.sets.speech import ABUSE, INVENTED, LANGUAGE, READ, Speech, judgements
from ops.evaluate.spoken.evasions import LEAD_SECONDS, SPOKEN_EVASIONS, over_music
from ops.evaluate.spoken.items import Group, SpokenItem
from ops.evaluate.spoken.recordings import recordings
from ops.evaluate.spoken.telephone import by_telephone
from ops.evaluate.spoken.written_words import words_of
from schemas.evidence import TextFound


def item(group: Group, text: str, *, is_abusive: bool = False) -> SpokenItem:
    return SpokenItem("one", group, "a kind", lambda: np.zeros(1, np.float32), text, is_abusive=is_abusive)


def said(*lines: str, model: str = "whisper-base") -> Analysed:
    found = tuple(
        TextFound(model=f"{model}@1", text=line, score=0.9, start_seconds=0.0, end_seconds=1.0) for line in lines
    )
    return Analysed("one", (), 0.0, found)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Ever tried. Ever FAILED!", "ever tried ever failed"),
            ("It's Mr. Dashwood's 2 cats", "its mister dashwoods two cats"),
            ("cold-hearted – and selfish", "cold hearted and selfish"),
            ("", ""),
        ],
    )
    def test_as_compared(self, text: str, words: str) -> None:
        """Capitals, punctuation and ways of writing do not count."""
        assert " ".join(words_of(text)) == words

    def test_of_other_languages(self) -> None:
        """Accents and other scripts stay; English words are not put in."""
        assert words_of("Où est Mr 2, Ёлка?", "fr") == ("où", "est", "mr", "2", "ёлка")

    @pytest.mark.parametrize(
        ("truth", "heard", "errors"),
        [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b y", 2), ("a b c", "a x c", 1), ("a", "", 1)],
    )
    def test_errors(self, truth: str, heard: str, errors: int) -> None:
        """A word that is left out, put in or replaced is one."""
        assert word_errors(truth.split(), heard.split()) == errors

    def test_a_long_item_counts_more(self) -> None:
        """Errors of all items over words of all items; each kind by itself."""
        long = Worded("s", "1", "m", "x", truth=("a",) * 9, said=("a",) * 9)
        short = Worded("s", "2", "m", "y", truth=("b",), said=())
        figures = {each.kind: each for each in word_figures([long, short])}
        assert (figures[""].value, figures[""].n) == (0.1, 10)
        assert (figures["x"].value, figures["y"].value) == (0.0, 1.0)


class TestMaterial:
    def test_recordings(self) -> None:
        """At least three kinds of speech that is no telephone's; each recording is of a pinned archive or a sample, and
        its text is published somewhere."""
        found = recordings()
        assert len({each.kind for each in found if not each.is_telephone}) >= 3
        assert {each.source.partition("/")[0] for each in found} <= {"sample", *ARCHIVES}
        assert all(each.text and each.text_from for each in found)
        assert len({each.source for each in found}) == len(found)

    def test_a_telephone_is_narrow(self) -> None:
        """A voice's tone passes, a lower and a higher one do not; the length stays."""
        times = np.arange(RATE_HZ) / RATE_HZ

        def left_of(hz: float) -> float:
            tone = np.sin(2 * np.pi * hz * times).astype(np.float32)
            narrow = by_telephone(tone)
            assert len(narrow) == len(tone)
            return float(np.std(narrow) / np.std(tone))

        assert left_of(1000) == pytest.approx(1.0, abs=0.02)
        assert left_of(100) < 0.02
        assert left_of(6000) < 0.02

    @pytest.mark.parametrize("name", SPOKEN_EVASIONS)
    def test_evasions_are_said(self, name: str) -> None:
        """Each is a sound with the voice between the leads; slow ways take longer."""
        package = find_spec("espeakng_loader")
        assert package is not None and package.origin is not None
        voices = voices_in(Path(package.origin).parent)
        plain, other = (SPOKEN_EVASIONS[each](voices, "en-us+m3", "go and get lost") for each in ("as written", name))
        sound = over_music(other, np.random.default_rng(1))
        lead = round(LEAD_SECONDS * RATE_HZ)
        assert len(sound) == len(other) + 2 * lead
        assert np.std(sound[lead:-lead]) > 1.5 * np.std(sound[:lead])
        assert name == "as written" or len(other) > 1.2 * len(plain)


class TestJudgements:
    def test_of_what_is_said(self) -> None:
        """Words and language; words of other models do not count."""
        words, language = judgements(item("read", "Ever tried."), 3.0, said("Ever", "tried"))
        assert isinstance(words, Worded)
        assert isinstance(language, Choice)
        assert (words.subject, words.truth, words.said) == (READ, ("ever", "tried"), ("ever", "tried"))
        assert (language.subject, language.truth, language.said) == (LANGUAGE, ("en",), None)
        (others, _) = judgements(item("read", "Ever tried."), 3.0, said("Ever", model="a-reader"))
        assert isinstance(others, Worded)
        assert others.said == ()

    @pytest.mark.parametrize(("lines", "is_said"), [((), False), (("Thank you.",), True)])
    def test_of_nothing(self, lines: tuple[str, ...], is_said: bool) -> None:
        """Any word is wrong."""
        (found,) = judgements(item("nothing said", ""), 3.0, said(*lines))
        assert isinstance(found, Decided)
        assert (found.subject, found.truth, found.said) == (INVENTED, False, is_said)

    def test_of_abuse(self) -> None:
        """A score, and for abuse the seconds of the voice."""
        scored, timed = judgements(item("abuse", "you pig", is_abusive=True), 11.0, said("you pig"))
        assert isinstance(scored, Scored)
        assert isinstance(timed, Timed)
        assert (scored.subject, scored.truth) == (ABUSE, True)
        assert (timed.truth[0].start_seconds, timed.truth[0].end_seconds) == (4.0, 7.0)
        (harmless,) = judgements(item("abuse", "you dear"), 11.0, said("you dear"))
        assert isinstance(harmless, Scored)
        assert not harmless.truth

    def test_subjects_are_declared(self) -> None:
        """What is judged is what the set declares."""
        names = {subject.name for subject in Speech().subjects}
        assert {READ, LANGUAGE, INVENTED, ABUSE} < names
