"""Repository and revision of a hub snapshot: stated by the card, compared with the folder, part of the fingerprint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.added_cards import CardSettings, installed_cards, verify_files
from models.card import Card
from models.card_errors import CardInvalid
from models.card_file import read_card
from schemas.labels import LABELS, OWN_LABELS, add_labels
from tests.support import tiny_transformers as tiny
from tests.support.tiny_models import CARD, write_card

REPOSITORY, REVISION, OTHER = "owner/tiny-vit", "0123456789" * 4, "9876543210" * 4
CACHED = f"models--owner--tiny-vit/snapshots/{REVISION}"


def snapshot_card(folder: Path, place: str, *, repository: str = REPOSITORY, revision: str = REVISION) -> Path:
    """A card that names files which need not be read, below some folder."""
    snapshot = folder / place
    snapshot.mkdir(parents=True, exist_ok=True)
    (snapshot / "config.json").write_text('{"id2label": {"0": "good", "1": "bad"}}')
    (snapshot / "model.safetensors").write_bytes(b"weights")
    path = tiny.card_of(folder, "image-classification", tiny.FRAME, tiny.CLASSES, place)
    told = f'repository = "{repository}"\nrevision = "{revision}"\n\n[model.files]'
    path.write_text(path.read_text().replace("[model.files]", told), encoding="utf-8")
    return path


def note_download(snapshot: Path, revision: str) -> None:
    """As a downloader leaves it."""
    notes = snapshot / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    (notes / "config.json.metadata").write_text(f"{revision}\n0123abcd\n1700000000.0\n")


def refusal(path: Path) -> str:
    with pytest.raises(CardInvalid) as raised:
        read_card(path, is_added=True)
    assert str(path) in str(raised.value)
    return str(raised.value)


def read(path: Path) -> Card:
    return read_card(path, is_added=True)


class TestOrigin:
    @pytest.mark.parametrize("place", ["snapshot", CACHED])
    def test_is_part_of_the_fingerprint(self, tmp_path: Path, place: str) -> None:
        """Every signal says from which commit of which repository its model came."""
        card = read(snapshot_card(tmp_path / "vit", place))
        assert card.fingerprint.endswith(f",{REPOSITORY}@{REVISION}")
        assert str(card.model and card.model.origin) == f"{REPOSITORY}@{REVISION}"

    def test_of_an_archive(self, tmp_path: Path) -> None:
        """A single file may come from a hub as well."""
        told = f'format = "torchscript"\nrepository = "{REPOSITORY}"\nrevision = "{REVISION}"'
        card = read(write_card(tmp_path / "one", CARD.replace('format = "torchscript"', told)))
        assert card.model is not None and card.model.origin is not None
        assert card.model.origin.revision == REVISION

    def test_none(self, tmp_path: Path) -> None:
        """Files of one's own come from nowhere."""
        card = read(write_card(tmp_path / "one"))
        assert card.model is not None and card.model.origin is None

    def test_notes_of_a_downloader_may_stay(self, tmp_path: Path) -> None:
        """They agree, and a card need not name them: what the documents tell to type leads to a model that runs."""
        path = snapshot_card(tmp_path / "vit", "snapshot")
        note_download(tmp_path / "vit" / "snapshot", REVISION)
        (tmp_path / "vit" / "snapshot" / ".gitattributes").write_text("*.safetensors filter=lfs\n")
        assert read(path).name == "vit"
        verify_files(installed_cards(CardSettings(folders=(tmp_path,)))["vit"])


class TestRefused:
    def test_another_revision_in_the_folders_name(self, tmp_path: Path) -> None:
        """What the folder says is told."""
        said = refusal(snapshot_card(tmp_path / "vit", CACHED, revision=OTHER))
        assert f"model.revision is '{OTHER}'; allowed: {REVISION}, by the name of the folder" in said

    def test_another_repository_in_the_folders_name(self, tmp_path: Path) -> None:
        """The same of the repository."""
        said = refusal(snapshot_card(tmp_path / "vit", CACHED, repository="owner/other"))
        assert f"model.repository is 'owner/other'; allowed: {REPOSITORY}, by the name of the folder" in said

    def test_another_revision_in_the_downloaders_notes(self, tmp_path: Path) -> None:
        """A snapshot that was downloaded again, at another commit."""
        path = snapshot_card(tmp_path / "vit", "snapshot")
        note_download(tmp_path / "vit" / "snapshot", OTHER)
        assert f"model.revision is '{REVISION}'; allowed: {OTHER}, by the record of its download" in refusal(path)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"main\n", b"x" * 10_000])
    def test_notes_that_say_nothing(self, tmp_path: Path, content: bytes) -> None:
        """Do not count."""
        path = snapshot_card(tmp_path / "vit", "snapshot")
        note_download(tmp_path / "vit" / "snapshot", OTHER)
        notes = tmp_path / "vit" / "snapshot" / ".cache" / "huggingface" / "download" / "config.json.metadata"
        notes.write_bytes(content)
        assert read(path).name == "vit"

    @pytest.mark.parametrize(
        ("told", "said"),
        [
            (f'repository = "{REPOSITORY}"', "model.revision is null; allowed: given together with model.repository"),
            (f'revision = "{REVISION}"', "model.repository is null; allowed: given together with model.revision"),
            (f'repository = "{REPOSITORY}"\nrevision = "main"', "model.revision is 'main'; allowed: the 40"),
            (f'repository = "../x"\nrevision = "{REVISION}"', "model.repository is '../x'; allowed: owner/name"),
        ],
    )
    def test_what_names_no_commit(self, tmp_path: Path, told: str, said: str) -> None:
        """A branch moves, and half of an origin cannot be looked up."""
        path = write_card(tmp_path / "one", CARD.replace('format = "torchscript"', f'format = "torchscript"\n{told}'))
        assert re.search(re.escape(said), refusal(path))


def test_meanings_decide_scores_by_sentences(tmp_path: Path) -> None:
    """Where a card leaves its sentences to the taxonomy, another meaning of an added label makes another model."""
    label = "vehicles/stunts/dangerous-driving-visible"
    outputs = tiny.PROMPTS.replace("violence/weapons/blade-visible", label).replace('texts = ["a knife"]', "")
    fingerprints = []
    try:
        for meaning in ("Somebody drives dangerously.", "A car drifts."):
            add_labels({label: meaning})
            fingerprints.append(read(tiny.image_text(tmp_path / "clip", "clip", outputs)).fingerprint)
    finally:
        add_labels({})
    assert fingerprints[0] != fingerprints[1]
    assert LABELS == OWN_LABELS
