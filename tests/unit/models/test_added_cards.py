"""Which added models run: those of the folders that a setting names, where nothing about them is doubtful."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.added_cards import CardSettings, installed_cards, verify_files
from models.card_errors import CardInvalid
from models.card_registry import CARDS
from tests.support.tiny_models import CARD, sha256_of, write_card

SPACE_OF_YAMNET = '[[outputs]]\nname = "e"\nkind = "embedding"\nspace = "yamnet/1024"\n'


def settings_of(folder: Path, **others: object) -> CardSettings:
    return CardSettings(**{"folders": (folder,), "trusted_folders": (folder,), **others})  # type: ignore[arg-type]


def some_model(folder: Path, text: str = CARD, **words: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.pt").write_bytes(b"not a model, but some bytes")
    return write_card(folder, text, **words)


class TestInstalled:
    def test_none(self) -> None:
        """Without a setting the product's own models run."""
        assert installed_cards(CardSettings()) == CARDS

    def test_in_a_folder_and_below(self, tmp_path: Path) -> None:
        """Cards lie in a named folder or in one below it; each joins its modality."""
        some_model(tmp_path / "first")
        write_card(tmp_path, name="second", file="first/model.pt")

        assert set(installed_cards(settings_of(tmp_path))) - set(CARDS) == {"first", "second"}

    def test_order_does_not_depend_on_folders(self, tmp_path: Path) -> None:
        """Models load by modality and name, so that every worker states them alike."""
        some_model(tmp_path / "b" / "zebra")
        some_model(tmp_path / "a" / "ape")
        folders = (tmp_path / "b", tmp_path / "a")
        here = CardSettings(folders, folders)
        there = CardSettings(folders[::-1], folders)

        assert list(installed_cards(here)) == list(installed_cards(there))

    def test_a_model_that_is_off(self, tmp_path: Path) -> None:
        """A name in the setting takes a model out, added or not."""
        some_model(tmp_path / "mine")

        assert "mine" not in installed_cards(settings_of(tmp_path, off=("mine",)))
        assert "opennsfw" not in installed_cards(CardSettings(off=("opennsfw",)))


class TestRefused:
    def test_no_such_folder(self, tmp_path: Path) -> None:
        """A misspelt folder is no empty one."""
        with pytest.raises(CardInvalid, match=r"VIDSIGNAL_MODEL_CARDS names '.*nowhere'"):
            installed_cards(settings_of(tmp_path / "nowhere"))

    def test_a_licence_that_nobody_accepted(self, tmp_path: Path) -> None:
        """Licences next to the usual permissive ones need a word of the operator."""
        some_model(tmp_path / "mine", CARD.replace('"MIT"', '"CC-BY-NC-4.0"'))

        with pytest.raises(CardInvalid, match=r"licence is 'CC-BY-NC-4\.0'; allowed: .*VIDSIGNAL_MODEL_LICENCES"):
            installed_cards(settings_of(tmp_path))
        assert "mine" in installed_cards(settings_of(tmp_path, licences=("CC-BY-NC-4.0",)))

    def test_a_program_outside_of_trusted_folders(self, tmp_path: Path) -> None:
        """TorchScript is a program: without a word of the operator none is run."""
        some_model(tmp_path / "mine")

        with pytest.raises(
            CardInvalid, match=r"model\.format is 'torchscript'; allowed: only below a folder of .*none"
        ):
            installed_cards(settings_of(tmp_path, trusted_folders=()))

    def test_a_trusted_folder_behind_a_link(self, tmp_path: Path) -> None:
        """A link in a trusted folder does not make what it leads to trusted."""
        some_model(tmp_path / "elsewhere" / "mine")
        trusted = tmp_path / "trusted"
        trusted.mkdir()
        (trusted / "mine").symlink_to(tmp_path / "elsewhere" / "mine")

        with pytest.raises(CardInvalid, match="only below a folder"):
            installed_cards(settings_of(trusted))

    @pytest.mark.parametrize(
        ("words", "field"),
        [
            ({"name": "yamnet"}, "name is 'yamnet'"),
            ({"text": f"{CARD}{SPACE_OF_YAMNET}"}, "outputs.space is"),
            ({"text": CARD.replace('classes = ["', 'tags_from = 0.5\nclasses = ["')}, "outputs.tags_from is 'given'"),
        ],
    )  # fmt: skip
    def test_two_models_for_one_purpose(self, tmp_path: Path, words: dict[str, str], field: str) -> None:
        """A name, an embedding space, the tags of a video: each has one model, and both files are named."""
        some_model(tmp_path / "mine", **words)

        with pytest.raises(CardInvalid, match=field) as raised:
            installed_cards(settings_of(tmp_path))
        assert "cards/" in str(raised.value)
        assert str(tmp_path / "mine") in str(raised.value)

    def test_an_unknown_name_that_is_off(self) -> None:
        """A misspelt name would leave the model running."""
        with pytest.raises(CardInvalid, match=r"'open-nsfw'.*did you mean 'opennsfw'"):
            installed_cards(CardSettings(off=("open-nsfw",)))

    def test_a_model_that_an_operator_needs(self) -> None:
        """Those that feed an operator of the product cannot be off."""
        with pytest.raises(
            CardInvalid, match="names 'yamnet', which an operator needs; allowed: centerface, nanodet-g, opennsfw"
        ):
            installed_cards(CardSettings(off=("yamnet",)))


class TestFiles:
    def verify(self, folder: Path) -> None:
        for card in installed_cards(settings_of(folder)).values():
            verify_files(card)

    def test_as_the_card_says(self, tmp_path: Path) -> None:
        """Content that has the hash passes."""
        some_model(tmp_path / "mine")
        self.verify(tmp_path)

    def test_missing(self, tmp_path: Path) -> None:
        """The field, the name, and where it should be."""
        some_model(tmp_path / "mine", file="modell.pt")
        with pytest.raises(CardInvalid, match=r"model\.file is 'modell\.pt'; allowed: a file in the folder"):
            self.verify(tmp_path)

    def test_altered_by_one_bit(self, tmp_path: Path) -> None:
        """Both hashes are told."""
        some_model(tmp_path / "mine")
        path = tmp_path / "mine" / "model.pt"
        before = sha256_of(path)
        content = bytearray(path.read_bytes())
        content[3] ^= 1
        path.write_bytes(content)

        with pytest.raises(CardInvalid, match=f"is {sha256_of(path)}; allowed: {before}"):
            self.verify(tmp_path)

    @pytest.mark.parametrize("name", ["../model.pt", "/etc/hostname", "a/../../model.pt", ".", "sub\\\\\\\\model.pt"])
    def test_paths_stay_in_the_folder(self, tmp_path: Path, name: str) -> None:
        """A card names what is next to it, nothing else of the machine."""
        some_model(tmp_path)
        some_model(tmp_path / "mine", file=name)
        (tmp_path / "card.toml").unlink()
        with pytest.raises(CardInvalid, match="allowed: a path below the folder of the card"):
            self.verify(tmp_path)

    def test_links_stay_in_the_folder(self, tmp_path: Path) -> None:
        """Nor does a link lead out, of a file or of a folder on the way."""
        outside = tmp_path / "outside"
        some_model(outside)
        some_model(tmp_path / "cards" / "mine", file="link.pt")
        (tmp_path / "cards" / "mine" / "link.pt").symlink_to(outside / "model.pt")
        with pytest.raises(CardInvalid, match="allowed: a path below the folder of the card"):
            self.verify(tmp_path / "cards")

        (tmp_path / "cards" / "mine" / "sub").symlink_to(outside)
        some_model(tmp_path / "cards" / "mine", file="sub/model.pt")
        with pytest.raises(CardInvalid, match="allowed: a path below the folder of the card"):
            self.verify(tmp_path / "cards")

    def test_a_folder_in_place_of_a_file(self, tmp_path: Path) -> None:
        """Only regular files are read."""
        some_model(tmp_path / "mine", file="sub")
        (tmp_path / "mine" / "sub").mkdir()
        with pytest.raises(CardInvalid, match="allowed: a regular file"):
            self.verify(tmp_path)
