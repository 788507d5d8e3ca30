"""A user's own table: what is wrong is told by row, column and value, and its labels are judged of all files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ops.evaluate.judgements import Scored, Timed, TrueSpan
from ops.evaluate.own_files import InvalidLabelFile, LabelledRow, OwnFiles, read_label_file
from ops.evaluate.product import Analysed
from schemas.evidence import LabelEvidence, Segment
from schemas.facts import Failure, Signal
from tests import sample_facts
from tests.evaluation_runs import evaluation_run

NUDITY = "sexual/explicit/nudity"
SHOTS = "violence/weapons/gunfire-heard"
HEADER = "path,label,start_seconds,end_seconds"


@pytest.fixture
def media(tmp_path: Path) -> Path:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def table_of(folder: Path, *lines: str) -> Path:
    path = folder / "labels.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def signal(*labels: LabelEvidence, failure: Failure | None = None) -> Signal:
    return sample_facts.signal("audio", status="failed" if failure else "ok", failure=failure, labels=labels)


def evidence(label: str, *segments: tuple[float, float, float]) -> LabelEvidence:
    found = tuple(Segment(start_seconds=start, end_seconds=end, score=score) for start, end, score in segments)
    return LabelEvidence(label=label, score=max(each.score for each in found), model="m@1", segments=found)


class FakeAnalysis:
    """Says of each file, by its name, what a test lays down."""

    def __init__(self, said: Mapping[str, Signal]) -> None:
        self.said = said
        self.fields: Mapping[str, Mapping[str, object]] = {}

    def __call__(
        self, files: Mapping[str, Path], on_item: Callable[[], None], fields: Mapping[str, Mapping[str, object]]
    ) -> list[Analysed]:
        self.fields = fields
        return [Analysed(item, (self.said.get(path.name, signal()),), 0.5) for item, path in files.items()]


class Run:
    """What a set is given, and what it left out."""

    def __init__(self, tmp_path: Path) -> None:
        self.left_out: dict[str, str] = {}
        self.given = evaluation_run(
            tmp_path, leave_out=lambda item, reason: self.left_out.update({Path(item).name: reason})
        )


class TestReading:
    def test_csv(self, media: Path) -> None:
        """Paths are relative to the table; an empty label is none; times are optional, row by row."""
        path = table_of(media, HEADER, f"a.mp4,{SHOTS},1.5,2", f"a.mp4,{NUDITY},,", "b.mp4,,,")
        assert read_label_file(path) == [
            LabelledRow((media / "a.mp4").resolve(), SHOTS, (1.5, 2.0), "", ""),
            LabelledRow((media / "a.mp4").resolve(), NUDITY, None, "", ""),
            LabelledRow((media / "b.mp4").resolve(), "", None, "", ""),
        ]

    def test_parquet_is_read_alike(self, media: Path) -> None:
        """Numbers and missing values of Parquet mean what their text means in CSV."""
        columns = {
            "path": ["a.mp4", "b.mp4"],
            "label": [SHOTS, None],
            "start_seconds": [1.5, None],
            "end_seconds": [2.0, None],
        }
        parquet.write_table(pa.table(columns), media / "labels.parquet")
        csv = table_of(media, HEADER, f"a.mp4,{SHOTS},1.5,2", "b.mp4,,,")
        assert read_label_file(media / "labels.parquet") == read_label_file(csv)

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (["path,labels", "a.mp4,"], "a column is 'labels'.*did you mean 'label'"),
            (["path", "a.mp4"], "lacks the column label"),
            (["path,label,start_seconds", "a.mp4,,"], "one of start_seconds and end_seconds"),
            (["path,label"], "has no rows"),
            (["path,label", "a.mp4,", "no.mp4,"], "row 3: path is 'no.mp4'; allowed: a file that is there"),
            (["path,label", ",x"], "row 2: path is ''"),
            (["path,label", "a.mp4,sexual/explicit/nudty"], f"row 2: label is .*did you mean '{NUDITY}'"),
            (["path,label", f"a.mp4,{NUDITY},more"], "row 2 has more values"),
            ([HEADER, f"a.mp4,{SHOTS},x,2"], "row 2: start_seconds is 'x'; allowed: a number of seconds"),
            ([HEADER, f"a.mp4,{SHOTS},-1,2"], "start_seconds is '-1'"),
            ([HEADER, f"a.mp4,{SHOTS},nan,2"], "start_seconds is 'nan'"),
            ([HEADER, f"a.mp4,{SHOTS},1,inf"], "end_seconds is 'inf'"),
            ([HEADER, f"a.mp4,{SHOTS},1,"], "end_seconds is ''"),
            ([HEADER, f"a.mp4,{SHOTS},3,2"], "end_seconds is '2'; allowed: at least start_seconds, 3"),
            ([HEADER, "a.mp4,,1,2"], "row 2 has a time and no label"),
        ],
    )
    def test_what_is_wrong(self, media: Path, lines: list[str], words: str) -> None:
        """The message names row, column, the value found and what is allowed."""
        with pytest.raises(InvalidLabelFile, match=words):
            read_label_file(table_of(media, *lines))

    @pytest.mark.parametrize("name", ["labels.json", "gone.csv", "gone.parquet"])
    def test_no_such_table(self, media: Path, name: str) -> None:
        """Another format, or a file that is not there."""
        with pytest.raises(InvalidLabelFile, match=name):
            read_label_file(media / name)

    def test_no_parquet_inside(self, media: Path) -> None:
        """A file by the name of Parquet that is none."""
        (media / "labels.parquet").write_bytes(b"path,label")
        with pytest.raises(InvalidLabelFile, match="cannot be read as Parquet"):
            read_label_file(media / "labels.parquet")

    def test_text_that_is_not_utf_8(self, media: Path) -> None:
        """Told as such, not as a missing file."""
        (media / "labels.csv").write_bytes(b"path,label\n\xe4.mp4,\n")
        with pytest.raises(InvalidLabelFile, match="CSV in UTF-8"):
            read_label_file(media / "labels.csv")


class TestLookedFor:
    def test_nothing(self, media: Path) -> None:
        """Without a label there is nothing to judge, and that is said instead of an empty table."""
        with pytest.raises(InvalidLabelFile, match="--label"):
            OwnFiles("own", read_label_file(table_of(media, "path,label", "a.mp4,")))

    def test_unknown(self, media: Path) -> None:
        """A label of the command line is checked as one of the table is."""
        with pytest.raises(InvalidLabelFile, match="--label is 'nudity'"):
            OwnFiles("own", read_label_file(table_of(media, "path,label", "a.mp4,")), ["nudity"])

    def test_two_titles(self, media: Path) -> None:
        """A file has one title, whatever the number of its rows."""
        rows = read_label_file(table_of(media, "path,label,title", f"a.mp4,{NUDITY},One", f"a.mp4,{SHOTS},Two"))
        with pytest.raises(InvalidLabelFile, match="several titles"):
            OwnFiles("own", rows)


class TestJudging:
    def test_every_label_is_judged_of_every_file(self, media: Path) -> None:
        """A file is a negative for each label that its rows do not name; unsaid labels score 0."""
        rows = read_label_file(table_of(media, "path,label", f"a.mp4,{NUDITY}", f"b.mp4,{SHOTS}", "c.mp4,"))
        said = FakeAnalysis(
            {"a.mp4": signal(evidence(NUDITY, (0, 1, 0.9))), "c.mp4": signal(evidence(SHOTS, (0, 1, 0.4)))}
        )
        found = [
            each for each in OwnFiles("own", rows, analyse=said).judge(Run(media).given) if isinstance(each, Scored)
        ]
        assert [(each.subject, Path(each.item).name, each.truth, each.score) for each in found] == [
            (NUDITY, "a.mp4", True, 0.9),
            (SHOTS, "a.mp4", False, 0.0),
            (NUDITY, "b.mp4", False, 0.0),
            (SHOTS, "b.mp4", True, 0.0),
            (NUDITY, "c.mp4", False, 0.0),
            (SHOTS, "c.mp4", False, 0.4),
        ]

    def test_times(self, media: Path) -> None:
        """Segments that the policy would act on are times; several within one labelled time count once."""
        rows = read_label_file(table_of(media, HEADER, f"a.mp4,{SHOTS},2,6"))
        heard = evidence(SHOTS, (2, 3, 0.9), (4, 5, 0.8), (20, 21, 0.7), (30, 31, 0.2))
        found = list(OwnFiles("own", rows, analyse=FakeAnalysis({"a.mp4": signal(heard)})).judge(Run(media).given))
        (times,) = (each for each in found if isinstance(each, Timed))
        assert (times.truth, times.said_seconds) == ((TrueSpan(2.0, 6.0),), (2.5, 20.5))

    def test_a_failed_file_is_left_out(self, media: Path) -> None:
        """It is no negative with a score of 0: it is named with the reason, and the others are judged."""
        rows = read_label_file(table_of(media, "path,label", f"a.mp4,{NUDITY}", "b.mp4,"))
        said = FakeAnalysis({"b.mp4": signal(failure=Failure(cause="media-broken", message="it is broken"))})
        run = Run(media)
        found = [each for each in OwnFiles("own", rows, analyse=said).judge(run.given) if isinstance(each, Scored)]
        assert [Path(each.item).name for each in found] == ["a.mp4"]
        assert run.left_out == {"b.mp4": "it is broken"}

    def test_texts_are_given(self, media: Path) -> None:
        """Title and description are those of the upload."""
        rows = read_label_file(table_of(media, "path,label,title,description", f"a.mp4,{NUDITY},One,Two", "b.mp4,,,"))
        said = FakeAnalysis({})
        list(OwnFiles("own", rows, analyse=said).judge(Run(media).given))
        assert said.fields == {str(media / "a.mp4"): {"title": "One", "description": "Two"}}
