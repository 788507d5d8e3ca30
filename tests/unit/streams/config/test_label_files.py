"""Labels that a platform adds by files: cards, policies and verdicts take them like the taxonomy's own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.card_errors import CardInvalid
from models.card_file import read_card
from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from ops.cli.models import label_coverage
from schemas.identity import MODALITIES
from schemas.labels import LABEL_PATHS, LABELS, OWN_LABELS, add_labels
from schemas.outcomes import ModalityStates
from streams.config.label_files import MAX_ADDED_LABELS, MAX_FILE_BYTES
from streams.config.settings import InvalidSettings, read_settings
from streams.decision.decide import decide
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy
from tests.sample_facts import signal
from tests.support.tiny_models import write_card

STUNT = "vehicles/stunts/dangerous-driving-visible"
FILE = f'[[labels]]\nname = "{STUNT}"\nmeaning = "Somebody drives dangerously."\n'
RULE = "rules:\n  - label: vehicles\n    thresholds: {review: 0.5}\n"
ALL = ModalityStates(present=MODALITIES)


@pytest.fixture(autouse=True)
def _own_labels_again() -> Iterator[None]:
    yield
    add_labels({})


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    """The packaged policy with a rule for the added area."""
    text = resources.files("streams.decision").joinpath("default_policy.yaml").read_text(encoding="utf-8")
    path = tmp_path / "policy.yaml"
    path.write_text(text.replace("rules:\n", RULE, 1), encoding="utf-8")
    return path


def settings_of(folder: Path, text: str = FILE) -> None:
    (folder / "labels").mkdir(exist_ok=True)
    (folder / "labels" / "mine.toml").write_text(text, encoding="utf-8")
    read_settings(label_folders=str(folder / "labels"))


class TestAdded:
    def test_is_a_label(self, tmp_path: Path) -> None:
        """With its meaning, and with all paths that a policy may name."""
        settings_of(tmp_path)
        assert LABELS[STUNT] == "Somebody drives dangerously."
        assert {STUNT, "vehicles/stunts", "vehicles"} <= LABEL_PATHS

    def test_cards_may_name_it(self, tmp_path: Path) -> None:
        """And may not before; the table of coverage lists it with the model that states it."""
        path = write_card(tmp_path / "mine", label=STUNT)
        with pytest.raises(CardInvalid, match="a label of the taxonomy"):
            read_card(path, is_added=True)

        settings_of(tmp_path)
        card = read_card(path, is_added=True)
        assert card.labels[0].label == STUNT
        assert label_coverage({card.name: card})[STUNT] == ["mine"]

    def test_a_policy_decides_by_it(self, tmp_path: Path, policy_file: Path) -> None:
        """Its rule holds, and a reason says the meaning."""
        with pytest.raises(InvalidPolicy, match="vehicles"):
            load_policy(policy_file)

        settings_of(tmp_path)
        found = decide(load_policy(policy_file), [signal("frames", scores={STUNT: 0.6})], ALL, None)
        assert found.action == "review"
        assert "Somebody drives dangerously." in found.reasons[0].words

    def test_policy_check(self, tmp_path: Path, policy_file: Path) -> None:
        """The command takes what a worker with the same settings takes, and refuses what one without them refuses."""
        settings_of(tmp_path)
        line = ["policy", "check", str(policy_file)]
        known = CliRunner().invoke(app, line, env={"VIDSIGNAL_LABEL_FOLDERS": str(tmp_path / "labels")})
        unknown = CliRunner().invoke(app, line, env={"VIDSIGNAL_LABEL_FOLDERS": ""})
        assert (known.exit_code, unknown.exit_code) == (0, ExitCode.FOUND), known.output
        assert "vehicles" in unknown.output

    def test_settings_without_the_folder_end_it(self, tmp_path: Path) -> None:
        """The settings that were read last count."""
        settings_of(tmp_path)
        read_settings()
        assert LABELS == OWN_LABELS
        assert STUNT not in LABEL_PATHS


class TestUnknownHere:
    @pytest.mark.parametrize("label", [STUNT, "violence/weapons/catapult-visible", "violence", "a/b/c/d", ""])
    def test_a_signal_is_decided(self, label: str) -> None:
        """A worker without the file takes such a label from another worker: the rules of its levels above hold, and
        the label speaks for itself."""
        found = decide(load_policy(None), [signal("frames", scores={label: 0.99})], ALL, None)
        assert [evidence.label for evidence in found.labels] == [label]
        assert all(reason.label in (label, None) for reason in found.reasons)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (FILE + FILE, r"labels\[1\].name is 'vehicles.*allowed: a name that no other label has"),
            (FILE.replace(STUNT, "sexual/explicit/nudity"), "allowed: a name that no other label has"),
            (
                FILE.replace(STUNT, "vehicles/stunts"),
                r"labels\[0\].name is 'vehicles/stunts'; allowed: area/group/label",
            ),
            (FILE.replace(STUNT, "Vehicles/stunts/x"), r"labels\[0\].name is 'Vehicles/stunts/x'; allowed"),
            (FILE.replace("drives", "drives\\n"), r"labels\[0\].meaning is .*; allowed: a sentence for reviewers"),
            (FILE.replace("meaning", "means"), "means"),
            (FILE.replace('"vehicles', '2 # "vehicles'), r"labels\[0\].name is 2"),
            ("", "lacks the field 'labels'"),
            ("labels = []", "labels is"),
            ("[[labels", "cannot be read as TOML"),
            ("labels = 1979-05-27", "labels"),
            ("#" * (MAX_FILE_BYTES + 1), "allowed: at most"),
        ],
    )
    def test_is_told(self, tmp_path: Path, text: str, said: str) -> None:
        """File, field, value found and what is allowed; the labels stay as they were."""
        with pytest.raises(InvalidSettings, match=said) as raised:
            settings_of(tmp_path, text)
        assert "mine.toml" in str(raised.value)
        assert LABELS == OWN_LABELS

    def test_no_folder(self, tmp_path: Path) -> None:
        """A misspelt name is no empty folder."""
        with pytest.raises(InvalidSettings, match=r"label_folders.*nowhere"):
            read_settings(label_folders=str(tmp_path / "nowhere"))

    def test_too_many_in_several_files(self, tmp_path: Path) -> None:
        """The limit holds for all files together."""
        labels = tmp_path / "labels"
        labels.mkdir()
        for number in range(MAX_ADDED_LABELS + 1):
            (labels / f"{number}.toml").write_text(FILE.replace("visible", str(number)), encoding="utf-8")
        with pytest.raises(InvalidSettings, match=f"at most {MAX_ADDED_LABELS} labels"):
            read_settings(label_folders=str(labels))
