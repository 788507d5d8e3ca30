"""`vidsignal models check`, `add` and `files`: what a person sees who adds a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli.exit_codes import ExitCode
from ops.cli.main import app
from tests.support.tiny_models import BLADE, CARD, sha256_of, torchscript_card

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def typed(folder: Path, *words: str) -> Result:
    """A command with one folder for models, which is trusted."""
    environment = {"VIDSIGNAL_MODEL_CARDS": str(folder), "VIDSIGNAL_TRUSTED_MODEL_FOLDERS": str(folder)}
    folder.mkdir(exist_ok=True)
    return CliRunner().invoke(app, ["models", *words], env=environment)


class TestAdd:
    def test_a_model_from_elsewhere(self, tmp_path: Path) -> None:
        """It is tried and copied, and the other commands know it; nothing else is left behind."""
        torchscript_card(tmp_path / "mine")
        added = typed(tmp_path / "models", "add", str(tmp_path / "mine"))

        assert added.exit_code == 0, added.output
        assert f"label {BLADE} by 'bright'" in added.output
        assert sorted(path.name for path in (tmp_path / "models" / "mine").iterdir()) == ["card.toml", "model.pt"]
        assert list((tmp_path / "models" / ".adding").iterdir()) == []
        assert "mine" in typed(tmp_path / "models", "list").output

    def test_links_become_files(self, tmp_path: Path) -> None:
        """As a hub's cache has them."""
        torchscript_card(tmp_path / "mine")
        (tmp_path / "mine" / "model.pt").rename(tmp_path / "blob")
        (tmp_path / "mine" / "model.pt").symlink_to(tmp_path / "blob")

        assert typed(tmp_path / "models", "add", str(tmp_path / "mine")).exit_code == 0
        assert not (tmp_path / "models" / "mine" / "model.pt").is_symlink()

    def test_twice(self, tmp_path: Path) -> None:
        """A model of that name is not replaced in silence."""
        torchscript_card(tmp_path / "mine")
        typed(tmp_path / "models", "add", str(tmp_path / "mine"))
        again = typed(tmp_path / "models", "add", str(tmp_path / "mine"))
        assert again.exit_code == ExitCode.FOUND
        said = "".join(again.output.split())
        assert "nameis'mine'" in said
        assert str(tmp_path / "mine" / "card.toml") in said
        assert ".adding" not in said

    def test_a_wrong_one(self, tmp_path: Path) -> None:
        """Is told, and leaves nothing where workers look."""
        torchscript_card(tmp_path / "mine", text=CARD.replace('"dark", ', ""), label=BLADE)
        added = typed(tmp_path / "models", "add", str(tmp_path / "mine"))

        assert added.exit_code == ExitCode.FOUND
        assert "outputs[0]" in added.output
        assert [path.name for path in (tmp_path / "models").iterdir()] == [".adding"]

    def test_nowhere_to_add_it(self, tmp_path: Path) -> None:
        """The setting is named."""
        added = CliRunner().invoke(app, ["models", "add", str(tmp_path)], env={"VIDSIGNAL_MODEL_CARDS": ""})
        assert added.exit_code == ExitCode.USAGE
        assert "VIDSIGNAL_MODEL_CARDS" in added.output


class TestCheck:
    def test_no_card(self, tmp_path: Path) -> None:
        """A folder without one is no model that is right."""
        checked = typed(tmp_path, "check", str(tmp_path))
        assert checked.exit_code == ExitCode.FOUND
        assert "holds no card" in checked.output

    def test_an_altered_file(self, tmp_path: Path) -> None:
        """As at the start of a worker; `verify` says the same."""
        torchscript_card(tmp_path / "mine")
        with (tmp_path / "mine" / "model.pt").open("ab") as file:
            file.write(b"x")
        checked = typed(tmp_path, "check", str(tmp_path / "mine"))
        assert checked.exit_code == ExitCode.FOUND
        assert "the file was altered" in " ".join(checked.output.split())


class TestFiles:
    def test_table(self, tmp_path: Path) -> None:
        """Each file with its hash, as a card wants them."""
        torchscript_card(tmp_path / "mine")
        listed = typed(tmp_path, "files", str(tmp_path / "mine"))
        line = f'"model.pt" = "{sha256_of(tmp_path / "mine" / "model.pt")}"'
        assert listed.output.splitlines() == ["[model.files]", line]

    def test_hidden_files_are_left_out(self, tmp_path: Path) -> None:
        """As a downloader leaves them next to what it downloads."""
        torchscript_card(tmp_path / "mine")
        (tmp_path / "mine" / ".cache" / "huggingface").mkdir(parents=True)
        (tmp_path / "mine" / ".cache" / "huggingface" / "model.pt.metadata").write_text("commit\n")
        (tmp_path / "mine" / ".gitattributes").write_text("*.pt filter=lfs\n")
        assert len(typed(tmp_path, "files", str(tmp_path / "mine")).output.splitlines()) == 2


class TestDeclared:
    def test_device(self, tmp_path: Path) -> None:
        """Where the model runs here; one that may not run here is refused, as at the start of a worker."""
        torchscript_card(tmp_path / "mine")
        assert "runs on cpu, permitted cpu, cuda" in typed(tmp_path, "check", str(tmp_path / "mine")).output

        torchscript_card(tmp_path / "needy", text=f'{CARD}\n[runs]\ndevices = ["neuron"]\n')
        refused = typed(tmp_path, "check", str(tmp_path / "needy"))
        assert refused.exit_code == ExitCode.FOUND
        assert "runs.devices is ['neuron']; allowed: a list with" in " ".join(refused.output.split())

    def test_list(self, tmp_path: Path) -> None:
        """Origin, precisions and tolerances are listed, for people and as JSON."""
        origin = f'format = "torchscript"\nrepository = "owner/tiny"\nrevision = "{"ab" * 20}"'
        torchscript_card(tmp_path / "mine", text=CARD.replace('format = "torchscript"', origin))
        assert f"origin   owner/tiny@{'ab' * 20}" in typed(tmp_path, "list").output

        listed = {card["name"]: card for card in json.loads(typed(tmp_path, "list", "--json").output)}
        assert listed["mine"]["origin"] == {"repository": "owner/tiny", "revision": "ab" * 20}
        assert listed["mine"]["devices"] == ["cpu", "cuda"]
        assert listed["opennsfw"]["tolerances"] == {"nsfw": {"max_difference": 0.02}}
