"""What `show` prints for people: words, never Python's own way to write a value."""

from __future__ import annotations

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ops.cli.lines import Lines
from ops.cli.modality_lines import absent_words, modality_lines
from ops.cli.plain_values import _TOLD_ELSEWHERE, plain_value, status_words
from ops.cli.show_lines import sections
from ops.cli.verdict_lines import describe_fact, describe_label, describe_outcome, describe_verdict
from schemas.counted import counted
from schemas.evidence import Feature, FrameBox, LabelEvidence, Region, SecondLook, TextFound
from schemas.facts import Failure
from schemas.outcomes import ModalityStates, Outcome, Reason, RecommendationRecord
from schemas.receipts import ModelReceipt, Receipt
from streams.decision.cost import Prices, price
from streams.store.readers import VideoReading
from tests.fakes import Terminal
from tests.sample_facts import signal
from tests.unit.ops.cli.senders import verdict

STATUS = {
    "status": "final",
    "action": "review",
    "revision": "1",
    "offset": "48",
    "present": "frames,motion",
    "absent": "audio,context",
    "decided_unix_seconds": "1790000000.25",
}
TAGS = [{"name": "bikes", "score": 0.93123}, {"name": "street", "score": 0.25}]
PYTHON = re.compile(r"[\[\]{}'\"]|\bNone\b|\bTrue\b|\bFalse\b|\w+\(\w+=")
"""How Python writes lists, texts, nothing and objects."""


def printed(reading: VideoReading) -> list[str]:
    """All lines."""
    return [line for part in sections("v-1", reading) for line in (f"{part.title}{part.rest}", *part.lines)]


def reading(**features: object) -> VideoReading:
    """A decided video with these features."""
    values = {name: Feature(value=value, event_unix_seconds=1.0, model="m@1") for name, value in features.items()}
    return VideoReading(status=STATUS, verdict=verdict(), features=values, embeddings={}, engagement=None)


def plain_record() -> RecommendationRecord:
    return RecommendationRecord(
        video_id="v", version=verdict().version, status="final", modalities=ModalityStates(), features={},
        embeddings={}, creator_id=None, uploaded_unix_seconds=0.0,
    )  # fmt: skip


class TestFound:
    def test_objects_and_texts(self) -> None:
        """What added models found has a line each, and a verdict without any has none."""
        box = FrameBox(left=0.1, top=0.1, right=0.2, bottom=0.2)
        knife = Region(model="m@1", class_name="knife", score=0.83, at_seconds=3.5, box=box)
        heard = TextFound(model="t@1", text="keep\nout", score=0.9, start_seconds=1.0, end_seconds=2.0)
        record = plain_record()
        found = replace(verdict(), regions=(knife,) * 5)
        lines = describe_outcome(Outcome(verdict=found, record=record), (heard,))
        plain = describe_outcome(Outcome(verdict=verdict(), record=record))

        assert lines.count("  object    knife 0.83 at 3.5 s") == 3
        (text,) = (line for line in lines if line.startswith("  text "))
        assert text == "  text      “keep\\nout” at 1.0-2.0 s (t@1, 0.90)"
        assert len(lines) == len(plain) + 4


class TestCostOfModels:
    def test_dearest_first(self) -> None:
        """Each model's CPU time, of all modalities; no line where no model ran."""
        spent = {"cheap": 0.25, "dear": 1.5}
        receipts = [
            Receipt(models={name: ModelReceipt(items=1, device_seconds=0.0, cpu_seconds=seconds)})
            for name, seconds in (*spent.items(), ("cheap", 0.25))
        ]
        cost = price([signal(receipt=receipt) for receipt in receipts], Prices(1.0, 0.0, 1.0, 0.0))
        found = describe_outcome(Outcome(verdict=replace(verdict(), cost=cost), record=plain_record()))

        assert "  models    dear 1.50 s, cheap 0.50 s" in found
        assert not [
            line for line in describe_outcome(Outcome(verdict=verdict(), record=plain_record())) if "models" in line
        ]


class TestShow:
    def test_no_value_is_written_as_python_does(self) -> None:
        """Version, modalities and features, whatever their shape."""
        shapes = reading(tags=TAGS, cuts=[1.5, 2.25], pace="slow", ratio=0.123456, empty=[], flag=True, rate=None)
        assert [line for line in printed(shapes) if PYTHON.search(line)] == []

    def test_first_line_says_how_it_stands(self) -> None:
        """Status, action and times as words; what the sections below say is not said twice."""
        assert printed(reading())[0] == "v-1  final  review  revision 1  decided 2026-09-21T14:13:20Z"

    def test_pending_video_says_what_it_waits_for(self) -> None:
        """And nothing of a verdict."""
        pending = VideoReading(
            status={"status": "pending", "revision": "2", "expected": "frames,audio"},
            verdict=None, features={}, embeddings={}, engagement=None,
        )  # fmt: skip
        assert printed(pending) == ["v-1  pending  revision 2  waits for frames, audio", "no verdict yet"]

    def test_counts_of_a_part_are_said_to_be_of_a_part(self) -> None:
        """Shots of a video that was looked at in part are at least so many; of one seen whole the number stands."""
        names = {"motion.num_shots": 17, "motion.observed_ratio": 0.206}
        (line,) = [line for line in printed(reading(**names)) if "num_shots" in line]
        assert "17, at least: 21% of the video was looked at" in line
        whole = reading(**{**names, "motion.observed_ratio": 1.0})
        assert not [line for line in printed(whole) if "at least" in line]

    @pytest.mark.parametrize(
        ("is_cleared", "words"), [(False, "3 of 7 frames around 12.5 s)"), (True, "12.5 s, cleared)")]
    )
    def test_a_label_says_how_many_frames_agree(self, is_cleared: bool, words: str) -> None:
        """Where one frame was looked at again."""
        look = SecondLook(at_seconds=12.5, num_frames=7, num_agree=3, is_cleared=is_cleared)
        label = LabelEvidence(label="sexual/explicit/nudity", score=0.72, model="m@1", second_look=look)
        assert describe_label(label).endswith(words)


class TestModalities:
    def test_what_is_absent_is_named(self) -> None:
        """A missing title is no missing stream."""
        failure = Failure(cause="media-unreadable", message="no picture decodes")
        states = ModalityStates(
            present=("motion",), absent=("audio", "context"), missing=(), failed={"frames": failure}
        )
        assert modality_lines(states) == [
            "frames   failed: media-unreadable: no picture decodes",
            "audio    no sound",
            "motion   present",
            "context  no title",
        ]
        assert absent_words(states) == "no sound, no title"

    def test_a_fact_says_the_same(self) -> None:
        """In `watch`."""
        assert describe_fact(signal("context", is_present=False)).endswith("context ok: no title")


class TestValues:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (TAGS, "bikes 0.9312; street 0.25"),
            ([{"start_seconds": 1.0, "camera": 0.5}], "1.0 s (camera 0.5)"),
            ([1.5, 2.25, 30.0], "1.5; 2.25; 30"),
            ([], "none"),
            ("two\nlines", "two lines"),
            ("", "(empty)"),
            (True, "yes"),
            (3, "3"),
        ],
    )
    def test_shapes(self, value: object, expected: str) -> None:
        """Of features."""
        assert plain_value(value) == expected

    def test_long_lists_say_how_many(self) -> None:
        """Cut between members, never within one."""
        said = plain_value([{"name": f"name-{number}", "score": 0.5} for number in range(300)])
        assert said.startswith("name-0 0.5; name-1 0.5; ") and said.endswith("; ... 300 in all")
        assert len(said) < 200

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda each: st.lists(each) | st.dictionaries(st.text(), each),
        )
    )
    def test_any_value_is_one_line(self, value: object) -> None:
        """Whatever a later release, or another writer, puts there."""
        assert len(plain_value(value).splitlines()) <= 1

    @given(
        st.dictionaries(
            st.text() | st.sampled_from(["status", "action", "expected", *_TOLD_ELSEWHERE]),
            st.text() | st.just("pending"),
        )
    )
    def test_any_status_can_be_said(self, status: dict[str, str]) -> None:
        """Each in one line, fields of a name or a value that is new included; some are in other lines."""
        elsewhere = {*_TOLD_ELSEWHERE, *(() if status.get("status") == "pending" else ("expected",))}
        words = status_words(status)
        assert len(words) == sum(bool(value) for name, value in status.items() if name not in elsewhere)
        assert all(len(word.splitlines()) <= 1 for word in words)


def test_a_status_has_one_order() -> None:
    """Redis returns a hash in the order of its writes, which is another after a deletion and an upload."""
    fields = {"status": "final", "action": "allow", "revision": "1", "uploaded_unix_seconds": "0", "other": "x"}
    backwards = dict(reversed(fields.items()))
    assert status_words(backwards) == status_words(fields)
    assert status_words(backwards)[:3] == ["final", "allow", "revision 1"]


@pytest.mark.parametrize(("number", "said"), [(0, "0 videos"), (1, "1 video"), (2, "2 videos")])
def test_a_number_with_its_noun(number: int, said: str) -> None:
    """The plural, unless it is one."""
    assert counted(number, "video") == said


def test_two_reasons_that_are_sentences() -> None:
    """Are joined without the first one's full stop."""
    reasons = tuple(Reason(action="review", words=words) for words in ("Too dark (frames).", "No sound."))
    assert describe_verdict(replace(verdict(), reasons=reasons)).endswith("(Too dark (frames); No sound.)")


class TestTerminal:
    LINE = "  hate-and-harassment/abusive-language/severely-toxic-text 0.97 at 1.0-2.0 s  (toxicity-model@1)"

    def test_no_label_is_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a narrow terminal a line goes on below, indented, at a space."""
        terminal = Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        monkeypatch.setenv("COLUMNS", "40")
        Lines(is_error=False).fitted(self.LINE)
        lines = terminal.getvalue().splitlines()
        assert [word for line in lines for word in line.split()] == self.LINE.split()
        assert len(lines) > 1 and all(line.startswith("      ") for line in lines[1:])

    def test_nothing_is_folded_into_a_pipe(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Scripts get one line."""
        pipe = io.StringIO()
        monkeypatch.setattr("sys.stdout", pipe)
        monkeypatch.setenv("COLUMNS", "40")
        Lines(is_error=False).fitted(self.LINE)
        assert pipe.getvalue() == self.LINE + os.linesep

    def test_text_is_no_markup(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Brackets and emoji codes of a title stay as they are."""
        Lines(is_error=False).print("[bold]a[/] :smile: explosion-visible", markup=False, soft_wrap=True)
        assert capsys.readouterr().out == "[bold]a[/] :smile: explosion-visible\n"

    @pytest.mark.parametrize("write", ["fitted", "heading", "print", "problem"])
    def test_no_text_steers_the_terminal(self, write: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A sender's reason for a deletion, or a file's name, sets no title, colour or direction."""
        lines, text = Lines(is_error=False), "gone \x1b]0;title\x07 \u202e \udcff\r over\n  next"
        if write == "problem":
            lines.problem("vidsignal:", text)
        elif write == "print":
            lines.print(text, markup=False)
        else:
            getattr(lines, write)(text)
        said = capsys.readouterr().out
        assert all(line.isprintable() for line in said.splitlines())
        assert r"gone \x1b]0;title\x07 \u202e \udcff\x0d over" in said
