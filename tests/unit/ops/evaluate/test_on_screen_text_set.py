"""The set of text in pictures: its material, and what is compared with what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path

from ops.evaluate.burnt.drawing import KINDS, READABLE, UNKNOWN_SCRIPTS, burn, text_layer
from ops.evaluate.burnt.evasions import EVASIONS
from ops.evaluate.burnt.sentences import texts
from ops.evaluate.judgements import Amount, Decided, Scored, Timed
from ops.evaluate.product import Analysed
from ops.evaluate.sets.on_screen_text import (
    ABUSE,
    CLEAN,
    HALVES,
    READ,
    UNREAD,
    BurntVideo,
    judgements,
    similarity,
)
from schemas.evidence import TextFound

FONT = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def video(kind: str, text: str, is_abusive: bool | None = None) -> BurntVideo:
    return BurntVideo(f"{kind} 360p", "held out", kind, 360, text, "a.png", is_abusive)


def said(*lines: str) -> Analysed:
    found = tuple(
        TextFound(model="text-recognition@6.0", text=line, score=0.9, start_seconds=0.0, end_seconds=1.0)
        for line in lines
    )
    return Analysed("a", (), 0.0, found)


class TestMaterial:
    def test_halves_share_no_sentence(self) -> None:
        """What thresholds were chosen on is not what is measured."""
        groups = ("latin", "accents", *UNKNOWN_SCRIPTS, "Chinese", "abusive", "harmless")
        seen, held_out = ([text for group in groups for text in texts(half, group)] for half in reversed(HALVES))
        assert seen
        assert held_out
        assert not set(seen) & set(held_out)

    @pytest.mark.parametrize("kind", [name for name in READABLE if name != "Chinese"])
    def test_text_is_drawn(self, kind: str) -> None:
        """Within the picture, and only at its time."""
        layer = text_layer("Part two", KINDS[kind], FONT, 180, np.random.default_rng(1))
        frames = [np.full((180, 320, 3), 90, np.uint8) for _ in range(30)]
        burn(frames, layer, 1.0, 2.0)
        changed = [int((frame != 90).sum()) for frame in frames]
        assert not any(changed[:10] + changed[20:])
        assert min(changed[10:20]) > 200
        assert not layer[:, [0, -1], 3].any()

    @pytest.mark.parametrize("name", [name for name in EVASIONS if name != "as written"])
    def test_an_evasion_hides_words(self, name: str) -> None:
        """No long word is left as it was."""
        words = "nobody loves you so go and die already"
        assert not {"nobody", "loves", "already"} & set(EVASIONS[name](words).split())


class TestJudgements:
    def test_of_what_can_be_read(self) -> None:
        """How alike it is."""
        (found,) = judgements(video("plain", "Part two"), said("part", "tw0"))
        assert isinstance(found, Amount)
        assert (found.subject, found.said) == (READ, pytest.approx(6 / 7))

    def test_of_clean_pictures(self) -> None:
        """Any text is wrong."""
        (found,) = judgements(video("", ""), said("xx"))
        assert isinstance(found, Decided)
        assert (found.subject, found.truth, found.said) == (CLEAN, False, True)

    def test_of_unknown_scripts(self) -> None:
        """Wrong words are no notice."""
        (found,) = judgements(video("Russian", "лодку"), said("HOAKY"))
        assert isinstance(found, Decided)
        assert (found.subject, found.said) == (UNREAD, False)

    def test_of_abuse(self) -> None:
        """A score, and for abuse the seconds."""
        scored, timed = judgements(video("as written", "you idiot", True), said("you idiot"))
        assert isinstance(scored, Scored)
        assert isinstance(timed, Timed)
        assert (scored.subject, scored.truth) == (ABUSE, True)
        assert timed.truth[0].end_seconds - timed.truth[0].start_seconds == 1.0

    def test_similarity(self) -> None:
        """Blanks, breaks and capitals do not count."""
        assert similarity("You ARE here", "you\nare here") == 1.0
        assert similarity("abcd", "") == 0.0
