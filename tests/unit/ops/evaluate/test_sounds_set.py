"""The sets of sounds: halves that share nothing, and truths that hold by how the sounds are made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.heard import items as recipes
from ops.evaluate.heard.decoding import RATE_HZ, Samples, read_sound, write_sound
from ops.evaluate.heard.generated import SIRENS, beeps, pink, white
from ops.evaluate.heard.items import CRIES, GUNFIRE, HEARD_LABELS, SCREAMING, heard_items
from ops.evaluate.heard.material import PROMPTS, half_of, named_files, prompts
from ops.evaluate.heard.mixing import alone, at_level, level_dbfs, spoken, voice_ratio
from ops.evaluate.judgements import Amount, Scored
from ops.evaluate.product import Analysed
from ops.evaluate.set_registry import SETS
from ops.evaluate.sets.sounds import PACKAGES, judged
from schemas.labels import OWN_LABELS

RANDOM = np.random.default_rng(5)
FILES = {
    "ufoai": [
        *(
            f"0snd.pk3/sound/weapons/bullet-{kind}-{n}x.ogg"
            for kind in ("rifle", "smg", "hmg", "pistol")
            for n in (1, 2)
        ),
        *(f"0snd.pk3/sound/weapons/explosion{kind}.ogg" for kind in ("", "-fire", "-rocket", "-grenade")),
        *(
            f"0snd.pk3/sound/soldiers/{kind}{n}.ogg"
            for kind in ("maledeath", "femalehurt", "femaledeath")
            for n in (1, 2)
        ),
        *(f"0snd.pk3/sound/civilians/civ{kind}.ogg" for kind in ("femscream01", "maledeath")),
        "0snd.pk3/sound/weapons/rocket-human.ogg",
    ],
    "openarena": [f"pak0.pk3/sound/items/{name}.wav" for name in ("flight", "haste", "holdable", "protect")],
    "btanks": ["sounds/kamikaze-scream.ogg", *(f"tunes/{name}.ogg" for name in "abcdefgh")],
    "lincity": [
        *(f"sounds/{name}1.wav" for name in ("Farm", "Harbor", "Water", "Mill", "CoalMine")),
        "sounds/Health3.wav",
    ],
    "micropolis": ["siren.wav"],
    "simutrans": ["forest.wav"],
    "hold-music": ["a.g722"],
}


def voice(_self: object, _voice: str, _text: str) -> Samples:
    """Two seconds of noise for a sentence."""
    return white(np.random.default_rng(2), 2.0)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages' folders with a second of noise in each file; a synthesiser that speaks every language."""
    for package, names in FILES.items():
        for name in names:
            path = ARCHIVES[package].folder(tmp_path) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_sound(0.1 * white(RANDOM, 1.0), path)
    for package in PROMPTS:
        ARCHIVES[package].folder(tmp_path).mkdir()
        for number in range(6):
            write_sound(0.1 * white(RANDOM, 1.0), ARCHIVES[package].folder(tmp_path) / f"{number}.wav")
    synthesiser = type("Synthesiser", (), {"say": voice, "speaks": lambda _self, _voice: True})()
    monkeypatch.setattr(recipes, "open_voices", lambda _data_dir: synthesiser)
    monkeypatch.setattr(recipes, "read_sound", lambda _path: 0.1 * white(np.random.default_rng(1), 1.0))
    return tmp_path


class TestHalves:
    def test_one_content(self) -> None:
        """Recordings that differ by a number, and what is behind it, are in one half."""
        assert len({half_of(f"ufoai/a/bullet-rifle{end}.ogg") for end in ("", "-1x", "-8x", "2", "01a")}) == 1
        assert {half_of(f"ufoai/{name}.ogg") for name in "abcdefghij"} == {"fitted", "held-out"}

    def test_nothing_in_both(self, data_dir: Path) -> None:
        """Neither a file nor a human voice nor a language; every group has files."""
        halves = [named_files(data_dir, half) for half in ("fitted", "held-out")]
        names = [{file.name for files in half.values() for file in files} for half in halves]
        assert not names[0] & names[1]
        assert sorted(names[0] | names[1]) == sorted(
            f"{package}/{name}" for package, own in FILES.items() for name in own if "rocket-human" not in name
        )
        assert not set(prompts(data_dir, "fitted")) & set(prompts(data_dir, "held-out"))

    def test_names_once(self, data_dir: Path) -> None:
        """A file is in the first group that fits."""
        scream = "btanks/sounds/kamikaze-scream.ogg"
        of_half = named_files(data_dir, half_of(scream))
        assert [group for group, files in of_half.items() if scream in {file.name for file in files}] == ["scream"]


class TestItems:
    def test_same_seed(self, data_dir: Path) -> None:
        """The same seed gives the same sounds, whichever are made; another gives others."""
        first, again, other = (list(heard_items(data_dir, "held-out", seed)) for seed in (1, 1, 2))
        assert [item.name for item in first] == [item.name for item in again]
        assert len({item.name for item in first}) == len(first)
        number = next(n for n, item in enumerate(first) if item.kind == "speech over music, 6 dB")
        assert np.array_equal(first[number].make().samples, again[number].make().samples)
        assert not np.array_equal(first[number].make().samples, other[number].make().samples)

    def test_labels(self, data_dir: Path) -> None:
        """Every label is in the taxonomy and heard somewhere in one of the halves; of a death cry nobody knows whether
        it is a scream."""
        items = [item for half in ("fitted", "held-out") for item in heard_items(data_dir, half, 1)]
        assert set(HEARD_LABELS) <= set(OWN_LABELS)
        assert {label for item in items for label in item.heard} == set(HEARD_LABELS)
        cries = next(item for item in items if item.kind == "cry, alone")
        assert (cries.heard, cries.unknown) == (frozenset((CRIES,)), frozenset((SCREAMING,)))

    def test_shares(self, data_dir: Path) -> None:
        """What is known of the shares is in [0, 1]; each share is known of several kinds."""
        made = {item.kind: item.make() for item in heard_items(data_dir, "fitted", 1)}
        assert made["music alone"].music_ratio == made["speech over music, 15 dB"].music_ratio == 1.0
        assert made["speech alone"].music_ratio == made["ambience"].speech_ratio == 0.0
        assert made["noise floor"].silence_ratio == 0.0
        assert all(each.samples.dtype == np.float32 for each in made.values())


class TestMixing:
    def test_levels(self) -> None:
        """Levels are those that were asked for."""
        assert level_dbfs(at_level(pink(RANDOM), -23)) == pytest.approx(-23, abs=0.01)

    def test_voice(self) -> None:
        """Pauses within a sentence belong to it, pauses between sentences do not."""
        at = np.arange(8 * RATE_HZ) / RATE_HZ
        words = np.where((at % 4 < 2) & (at % 0.5 < 0.4), 1.0, 0.0).astype(np.float32)
        assert voice_ratio(words) == pytest.approx(0.475, abs=0.01)
        assert len(spoken([white(RANDOM, 1.0)], 3.0, RANDOM)) == 3 * RATE_HZ

    def test_alone(self) -> None:
        """An event stands whole within noise that is silence, or over something that is fainter."""
        event = 0.2 * white(RANDOM, 1.0)
        plain, mixed = alone(event, RANDOM), alone(event, RANDOM, pink(RANDOM))
        assert len(plain) == len(mixed) == 4 * RATE_HZ
        assert np.abs(plain).max() == pytest.approx(0.5, abs=0.01)
        assert np.sort(np.abs(plain))[len(plain) // 2] < 0.002
        assert level_dbfs(mixed) > level_dbfs(plain)

    @pytest.mark.parametrize("name", SIRENS)
    def test_sirens(self, name: str) -> None:
        """Each is loud all the time, and two of a kind differ."""
        first, second = (SIRENS[name](np.random.default_rng(seed)) for seed in (1, 2))
        assert np.abs(first).max() == pytest.approx(1.0)
        assert level_dbfs(first) > -12
        assert not np.array_equal(first, second)

    def test_beeps(self) -> None:
        """A beep lasts as long as it says."""
        assert np.mean(np.abs(beeps(RANDOM, 0.25)) > 0) == pytest.approx(0.25, abs=0.01)

    def test_file(self, tmp_path: Path) -> None:
        """What is written is read again."""
        write_sound(np.array([0.5, -0.5, 2.0], np.float32), tmp_path / "a.wav")
        assert read_sound(tmp_path / "a.wav").tolist() == pytest.approx([0.5, -0.5, 1.0], abs=1e-3)


def test_judged(data_dir: Path) -> None:
    """Shares that are not known and labels that cannot be told are not judged."""
    item = next(each for each in heard_items(data_dir, "fitted", 1) if each.kind == "gunfire, alone")
    nothing = Analysed(item.name, (), 0.0)
    said = list(judged(item, item.make(), nothing))
    assert [(each.subject, each.truth) for each in said if isinstance(each, Scored)] == [
        ("gunfire-heard", True), ("screaming-heard", False), ("cries-heard", False), ("siren-heard", False),
    ]  # fmt: skip
    assert not [each for each in said if isinstance(each, Amount)]
    known = replace(item.make(), speech_ratio=0.5)
    of_shares = [each for each in judged(item, known, nothing) if isinstance(each, Amount)]
    assert [(each.subject, each.said) for each in of_shares] == [("share of speech", None)]


def test_only_held_out_figures_are_quoted() -> None:
    """Documents quote the figures of labels and models of the half that nothing was fitted on."""
    fitted, held_out = SETS["sounds-fitted"], SETS["sounds"]
    assert {subject.label for subject in fitted.subjects} == {""}
    assert GUNFIRE in {subject.label for subject in held_out.subjects}
    assert {ARCHIVES[name].file_name for name in PACKAGES} < {source.name for source in held_out.sources}
