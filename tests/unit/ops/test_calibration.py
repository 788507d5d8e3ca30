"""`vidsignal models calibrate`: scores become probabilities where the examples permit it, and are refused elsewhere."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from msgspec import UNSET
from typer.testing import CliRunner, Result

from models.added_cards import verify_files
from models.card import Card
from models.card_errors import CardInvalid
from models.card_file import read_card
from operators.label_evidence import timed_evidence
from operators.segments import TimeSpan
from ops.calibration.examples import CannotFit, InvalidExamples, read_examples
from ops.calibration.fitting import ISOTONIC_EXAMPLES, MIN_NEGATIVES, MIN_POSITIVES, fit_label
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from tests.support import tiny_transformers as tiny
from tests.support.tiny_models import BLADE, CARD, write_card

ALCOHOL = "alcohol/drinking/alcohol-visible"


def examples(num: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are far too high: where the model says s, the label is shown with a probability of s to the third."""
    noise = np.random.default_rng(seed)
    scores = noise.uniform(0, 1, num)
    return scores, noise.uniform(0, 1, num) < scores**3


class TestFit:
    @pytest.mark.parametrize(("method", "num"), [("platt", 4_000), ("isotonic", 8_000)])
    def test_states_the_probability(self, method: str, num: int) -> None:
        """What is stated is how often the label is shown at that score, and held-out examples confirm it."""
        scores, truth = examples(num)
        found = fit_label(BLADE, scores, truth, method)  # type: ignore[arg-type]
        said, stated = zip(*found.points, strict=True)

        for score in (0.3, 0.6, 0.9):
            assert np.interp(score, said, stated) == pytest.approx(score**3, abs=0.08)
        assert found.brier_after < 0.8 * found.brier_before
        assert found.num_positives + found.num_negatives == num

    @pytest.mark.parametrize("method", ["platt", "isotonic"])
    def test_points_are_a_calibration(self, method: str) -> None:
        """Whatever the scores: few values, complete separation, certainty at both ends."""
        truth = np.arange(200) % 2 == 0
        for scores in (
            np.where(truth, 0.9, 0.1),
            np.where(truth, 1.0, 0.0),
            np.clip(truth * 0.5 + np.linspace(0, 0.5, 200), 0, 1),
            np.where(truth, 1e-4, 0.0),
        ):
            points = fit_label(BLADE, scores, truth, method).points  # type: ignore[arg-type]
            assert len(points) >= 2
            assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(points))
            assert all(0 < stated < 1 for _, stated in points)

    def test_method_by_number(self) -> None:
        """Isotonic regression needs more material."""
        assert fit_label(BLADE, *examples(ISOTONIC_EXAMPLES - 1)).method == "platt"
        assert fit_label(BLADE, *examples(ISOTONIC_EXAMPLES)).method == "isotonic"

    def test_does_not_depend_on_the_order(self) -> None:
        """The same examples give the same points."""
        scores, truth = examples()
        turned = fit_label(BLADE, scores[::-1], truth[::-1]).points
        np.testing.assert_allclose(fit_label(BLADE, scores, truth).points, turned, atol=1e-5)

    @pytest.mark.parametrize(
        ("num_positives", "num_negatives", "said"),
        [(MIN_POSITIVES - 1, 500, "examples show it"), (500, MIN_NEGATIVES - 1, "examples do not show it")],
    )
    def test_too_few(self, num_positives: int, num_negatives: int, said: str) -> None:
        """Of one kind; the other kind does not make up for it."""
        truth = np.arange(num_positives + num_negatives) < num_positives
        with pytest.raises(CannotFit, match=f"{said}; at least 50 are needed"):
            fit_label(BLADE, truth * 0.5, truth)

    @pytest.mark.parametrize("method", ["platt", "isotonic"])
    def test_scores_that_mean_the_opposite(self, method: str) -> None:
        """Or nothing at all: no curve helps."""
        truth = np.arange(400) % 2 == 0
        for scores in (np.where(truth, 0.1, 0.9), np.full(400, 0.5)):
            with pytest.raises(CannotFit, match="higher scores do not mean it"):
                fit_label(BLADE, scores, truth, method)  # type: ignore[arg-type]


class TestExamples:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("score\n0.5\n", r"the first line is 'score'; allowed: the columns truth, and either score or file"),
            ("score,file,truth\n", "the first line is"),
            ("score,truth\n0.5,maybe\n", r"line 2: truth is 'maybe'; allowed: 1, true, yes"),
            ("score,truth\n0.5,1\nnan,1\n", r"line 3: score is 'nan'; allowed: a number from 0 up to 1"),
            ("score,truth\n1.5,1\n", "score is '1.5'"),
            ("score,truth\n,1\n", "score is ''"),
            ("score,truth\n0.5\n", "truth is ''"),
            ("score,truth,label\n0.5,1,violence/weapons/blade\n", f"did you mean '{BLADE}'"),
            ("file,truth\nnowhere.mp4,1\n", "line 2: file is '.*; allowed: a file that is there"),
        ],
    )
    def test_wrong(self, tmp_path: Path, text: str, said: str) -> None:
        """File, line, column, value found and what is allowed."""
        path = tmp_path / "examples.csv"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidExamples, match=said) as raised:
            read_examples(path, [BLADE])
        assert "examples.csv" in str(raised.value)

    def test_of_several_labels(self, tmp_path: Path) -> None:
        """Each row names its own; a mark at the beginning of the file, as spreadsheets write it, is no part of it."""
        path = tmp_path / "examples.csv"
        path.write_text(f"\ufefflabel,score,truth\n{BLADE},0.5,yes\n{ALCOHOL},1,0\n", encoding="utf-8")
        found = read_examples(path, [BLADE, ALCOHOL])
        assert [(row.label, row.score, row.is_shown) for row in found] == [(BLADE, 0.5, True), (ALCOHOL, 1.0, False)]

        path.write_text("score,truth\n0.5,1\n", encoding="utf-8")
        with pytest.raises(InvalidExamples, match="and label: the model has several"):
            read_examples(path, [BLADE, ALCOHOL])

    def test_no_text(self, tmp_path: Path) -> None:
        """Bytes that are no CSV."""
        path = tmp_path / "examples.csv"
        path.write_bytes(b"score,truth\n\xff\xfe,1\n")
        with pytest.raises(InvalidExamples, match="cannot be read as CSV"):
            read_examples(path, [BLADE])


def typed(path: Path, csv: str, *words: str) -> Result:
    file = path.parent.parent / "examples.csv"
    file.write_text(csv, encoding="utf-8")
    folder = str(path.parent.parent)
    environment = {"VIDSIGNAL_MODEL_CARDS": folder, "VIDSIGNAL_TRUSTED_MODEL_FOLDERS": folder}
    return CliRunner().invoke(app, ["models", "calibrate", str(path), "--labels", str(file), *words], env=environment)


def rows(label: str = "") -> str:
    scores, truth = examples()
    lead = f"{label}," if label else ""
    lines = [f"{lead}{score:.4f},{int(shown)}" for score, shown in zip(scores, truth, strict=True)]
    return "\n".join([f"{'label,' if label else ''}score,truth", *lines])


def named(path: Path) -> Path:
    path.write_text(f'calibration = "calibration.json"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
    return path


def evidence(card: Card, score: float) -> tuple[float, bool]:
    """Of the card's first label: the score that is stated, and whether it is marked as uncalibrated."""
    scores = np.full((1, len(card.scores.classes)), score, dtype=np.float32)  # type: ignore[union-attr]
    found = timed_evidence(card, card.scores.classes, scores, [TimeSpan(0.0, 1.0)], "max")[0]  # type: ignore[union-attr]
    return found.score, found.uncalibrated is not UNSET


class TestCommand:
    def test_from_examples_to_evidence(self, tmp_path: Path) -> None:
        """What it writes, a card that names it uses: another score, another fingerprint, and nothing else stops it."""
        path = write_card(tmp_path / "mine")
        before = read_card(path, is_added=True)
        said = typed(path, rows())
        assert said.exit_code == 0, said.output
        assert "by platt" in said.output and 'calibration = "calibration.json"' in " ".join(said.output.split())

        card = read_card(named(path), is_added=True)
        assert evidence(before, 0.6)[0] == pytest.approx(0.6)
        assert evidence(card, 0.6)[0] == pytest.approx(0.6**3, abs=0.1)
        assert card.fingerprint != before.fingerprint
        assert typed(path, rows(), "--json").exit_code == 0, "it may be fitted again"

    def test_a_fitted_label_loses_its_mark(self, tmp_path: Path) -> None:
        """Of two labels by sentences the one with examples; the file next to the weights is no file of the model."""
        path = tiny.image_text(tmp_path / "clip", "clip")
        assert evidence(read_card(path, is_added=True), 0.6)[1]

        said = typed(path, rows(BLADE))
        assert said.exit_code == 0, said.output
        card = read_card(named(path), is_added=True)
        assert (card.is_uncalibrated(BLADE), card.is_uncalibrated(ALCOHOL)) == (False, True)
        assert not evidence(card, 0.6)[1]
        verify_files(card)

    @pytest.mark.parametrize(
        ("csv", "code", "told"),
        [
            ("score,truth\n0.9,1\n0.1,0\n", ExitCode.FOUND, "1 examples show it; at least 50"),
            ("score,truth\n", ExitCode.FOUND, "there are no examples"),
            ("score,truth\n2,1\n", ExitCode.USAGE, "score is '2'"),
        ],
    )
    def test_refuses(self, tmp_path: Path, csv: str, code: ExitCode, told: str) -> None:
        """Too little material, or none; nothing is written."""
        path = write_card(tmp_path / "mine")
        said = typed(path, csv)
        assert (said.exit_code, told in " ".join(said.output.split())) == (code, True), said.output
        assert not (path.parent / "calibration.json").exists()

    def test_an_unknown_method(self, tmp_path: Path) -> None:
        """Those that there are."""
        said = typed(write_card(tmp_path / "mine"), rows(), "--method", "magic")
        assert (said.exit_code, "platt, isotonic" in said.output) == (ExitCode.USAGE, True)


class TestTheCardsFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A card with its calibration."""
        path = write_card(tmp_path / "mine")
        assert typed(path, rows()).exit_code == 0
        return named(path)

    def refusal(self, path: Path) -> str:
        with pytest.raises(CardInvalid) as raised:
            read_card(path, is_added=True)
        assert "card.toml" in str(raised.value) or "calibration.json" in str(raised.value)
        return str(raised.value)

    @pytest.mark.parametrize(
        ("old", "new"), [("side_px = 32", "side_px = 64"), ('["dark", "bright"]', '["bright", "dark"]')]
    )
    def test_of_another_model(self, path: Path, old: str, new: str) -> None:
        """Another preprocessing or class gives other scores, which these points do not fit."""
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        assert "run `vidsignal models calibrate` again" in self.refusal(path)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('version = "1.0.0"', 'version = "1.0.1"'),
            ("[[outputs.labels]]", "[outputs.tolerance]\n\n[[outputs.labels]]"),
        ],
    )
    def test_of_the_same_model(self, path: Path, old: str, new: str) -> None:
        """What leaves the scores as they are keeps the points."""
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        assert read_card(path, is_added=True).labels[0].calibration

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda found: found.update(fitted_for="0" * 64), "calibration is 'calibration.json, fitted for 0000"),
            (lambda found: found["labels"].append(found["labels"][0]), "allowed: labels of the card, each once"),
            (lambda found: found["labels"][0].update(label=ALCOHOL), "allowed: labels of the card, each once"),
            (lambda found: found["labels"][0].update(points=[[0.5, 0.1], [0.2, 0.9]]), "ascending in both"),
            (lambda found: found["labels"][0].update(points=[[0.5, 7], [0.6, 8]]), "points"),
            (lambda found: found.pop("fitted_for"), "fitted_for"),
        ],
    )
    def test_altered(self, path: Path, change: object, said: str) -> None:
        """A file that is no calibration of this card."""
        file = path.parent / "calibration.json"
        found = json.loads(file.read_text(encoding="utf-8"))
        change(found)  # type: ignore[operator]
        file.write_text(json.dumps(found), encoding="utf-8")
        assert said in self.refusal(path)

    @pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 5_000])
    def test_other_bytes(self, path: Path, content: bytes) -> None:
        """Whatever they are, the file is told."""
        (path.parent / "calibration.json").write_bytes(content)
        self.refusal(path)

    def test_missing(self, path: Path) -> None:
        """The command that writes it is told."""
        (path.parent / "calibration.json").unlink()
        assert "`vidsignal models calibrate` writes it" in self.refusal(path)

    def test_outside_of_the_folder(self, path: Path) -> None:
        """A card names what is in its own folder."""
        path.write_text(path.read_text(encoding="utf-8").replace("calibration.json", "../calibration.json"))
        assert "calibration is '../calibration.json'; allowed: a path below the folder" in self.refusal(path)

    def test_points_in_both_places(self, path: Path) -> None:
        """Which ones count would be unclear."""
        points = f'label = "{BLADE}"\ncalibration = [[0.0, 0.0], [1.0, 0.5]]'
        path.write_text(path.read_text(encoding="utf-8").replace(f'label = "{BLADE}"', points), encoding="utf-8")
        assert "not in both" in self.refusal(path)


def test_two_classes_with_other_points(tmp_path: Path) -> None:
    """Classes that mean one label have one score, so their points may not differ."""
    more = f'\n[[outputs.labels]]\nclass = "dark"\nlabel = "{BLADE}"\n'
    text = CARD.replace('label = "{label}"', 'label = "{label}"\ncalibration = [[0.0, 0.0], [1.0, 0.5]]') + more
    with pytest.raises(CardInvalid, match=r"labels\[1\]\.calibration is \[\]; allowed: the points that 'bright' has"):
        read_card(write_card(tmp_path / "mine", text), is_added=True)
