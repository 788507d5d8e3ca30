"""Pictures of packages: what is drawn for a run, what they are judged for, and that none is a sample."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from ops.assets.sample_registry import PACKAGED_CLIPS
from ops.evaluate.archives.archive_registry import ARCHIVES
from ops.evaluate.disjoint import SAMPLE_DIGESTS, NotDisjoint, require_disjoint
from ops.evaluate.evaluation_set import NotMeasurable
from ops.evaluate.judgements import Choice, Decided, MethodSpent, Scored
from ops.evaluate.product import Analysed
from ops.evaluate.sets.harmless_pictures import (
    FIREARM,
    NUDITY,
    TRUTH_FILE,
    HarmlessPictures,
    Picture,
    chosen_pictures,
    opaque_copy,
)
from schemas.evidence import Feature, LabelEvidence
from schemas.facts import Signal
from tests.evaluation_runs import evaluation_run
from tests.sample_facts import signal

TRUTH = tomllib.loads(TRUTH_FILE.read_text(encoding="utf-8"))
LION = "animals/mammals/cats/lion.png"
KEY = "household/key.png"
HARMLESS = "clothes/t_pants.png"
FITTED = "animals/birds/chicken_profile.png"
DRAWN = "people/cartoon/nurse.png"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every named picture, as an empty file; three that the set opens are pictures."""
    folder = tmp_path_factory.mktemp("data")
    for package, said in TRUTH.items():
        further = [HARMLESS, DRAWN, *(f"clothes/{number}.png" for number in range(20))] if package == "stamps" else []
        for name in [*said["shown"], *said["without"], *further]:
            path = ARCHIVES[package].folder(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


class TestTruth:
    def test_nothing_is_both(self) -> None:
        """A picture shows a class, or fits none."""
        assert [set(said["shown"]) & set(said["without"]) for said in TRUTH.values()] == [set()] * len(TRUTH)

    def test_packages_are_pinned(self) -> None:
        """Each package is one that `make evaluation-data` fetches."""
        assert set(TRUTH) <= set(ARCHIVES)


class TestChoice:
    def test_all(self, tmp_path: Path, data_dir: Path) -> None:
        """A full run has every picture once, and no drawing."""
        found = {picture.item: picture for picture in chosen_pictures(evaluation_run(tmp_path, data_dir))}
        assert found[f"stamps/{LION}"].classes == ("lion", "big cat")
        assert found[f"stamps/{KEY}"].classes == ()
        assert found[f"stamps/{HARMLESS}"].classes is None
        assert f"stamps/{DRAWN}" not in found
        assert len(found) == sum(len(said["shown"]) + len(said["without"]) for said in TRUTH.values()) + 21

    def test_a_seed_draws_the_same(self, tmp_path: Path, data_dir: Path) -> None:
        """A small run depends on its seed, and on nothing else."""
        runs = [evaluation_run(tmp_path, data_dir, "small", seed) for seed in (1, 1, 2)]
        first, again, other = ([picture.item for picture in chosen_pictures(run)] for run in runs)
        assert first == again != other
        assert len(set(first)) == len(first) == 76

    def test_nothing_fetched(self, tmp_path: Path) -> None:
        """Without the pictures the set says how to get them."""
        with pytest.raises(NotMeasurable, match="make evaluation-data"):
            chosen_pictures(evaluation_run(tmp_path, tmp_path))


class FakeAnalysis:
    """Sees a lion in everything, and a little nudity."""

    def __call__(
        self, files: Mapping[str, Path], on_item: Callable[[], None], fields: Mapping[str, Mapping[str, object]]
    ) -> list[Analysed]:
        return [Analysed(item, (self._signal(),), 0.25) for item in files]

    def _signal(self) -> Signal:
        tags = [{"name": "lion", "score": 0.75}, {"name": "tiger", "score": 0.125}]
        labels = (LabelEvidence(label=NUDITY, score=0.5, model="m@1"),)
        features = {"visual.tags": Feature(value=tags, event_unix_seconds=0.0, model="m@1")}
        return signal(labels=labels, features=features)


class TestJudgements:
    @pytest.fixture
    def found(self, tmp_path: Path) -> list[object]:
        pictures = [(LION, (255, 200, 0, 255)), (KEY, (255, 0, 0, 255)), (HARMLESS, (0, 0, 255, 255))]
        for package in ARCHIVES.values():
            package.folder(tmp_path).mkdir()
        for name, colour in pictures:
            path = ARCHIVES["stamps"].folder(tmp_path) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGBA", (8, 8), colour).save(path)
        return list(HarmlessPictures(FakeAnalysis()).judge(evaluation_run(tmp_path, tmp_path)))

    def test_first_tag(self, found: list[object]) -> None:
        """Right for the lion; where no class fits, only silence would be; the third picture has no known class."""
        first = {Path(each.item).stem: each for each in found if isinstance(each, Choice)}
        assert {each.subject for each in first.values()} == {"first tag"}
        assert {name: (each.truth, each.said) for name, each in first.items()} == {
            "lion": (("lion", "big cat"), "lion"),
            "key": ((), "lion"),
        }

    def test_tag_shown(self, found: list[object]) -> None:
        """A tag is right where some class fits."""
        tags = [each for each in found if isinstance(each, Decided)]
        assert [(Path(each.item).stem, each.truth, each.said) for each in tags] == [
            ("lion", True, True),
            ("key", False, True),
        ]

    def test_halves(self) -> None:
        """A picture of the half that the threshold was chosen on is judged apart, whatever its package's version."""
        halves = [Picture(f"stamps/{name}", "cut-out", Path(name), ()).is_held_out for name in (LION, KEY, FITTED)]
        assert halves == [True, True, False]

    def test_labels(self, found: list[object]) -> None:
        """All three are negatives of both labels; a label that is not said has the score 0."""
        labels = [each for each in found if isinstance(each, Scored) and each.subject in (NUDITY, FIREARM)]
        said = [(each.subject, each.truth, each.score) for each in labels]
        assert said == [(NUDITY, False, 0.5), (FIREARM, False, 0.0)] * 3

    def test_costs(self, found: list[object]) -> None:
        """CPU seconds of all pictures together."""
        assert [(each.cpu_seconds, each.num_items) for each in found if isinstance(each, MethodSpent)] == [(0.75, 3)]


def test_transparency_becomes_grey(tmp_path: Path) -> None:
    """What a cut-out does not show is grey, not what its transparent pixels happen to hold."""
    path = tmp_path / "cut.png"
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(path)
    copied = opaque_copy(Picture("stamps/cut.png", "cut-out", path, None), tmp_path)
    with Image.open(copied) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGB", (128, 128, 128))


class TestDisjoint:
    def test_other_files(self, tmp_path: Path) -> None:
        """Material of its own passes; there are sample clips that it is compared with."""
        (tmp_path / "own.png").write_bytes(b"own")
        require_disjoint([tmp_path / "own.png"])
        assert len(SAMPLE_DIGESTS) == len(PACKAGED_CLIPS)

    def test_a_sample_under_another_name(self, tmp_path: Path) -> None:
        """Content decides: a sample clip is refused whatever it is called."""
        (tmp_path / "own.png").write_bytes(b"a sample")
        with pytest.raises(NotDisjoint, match=r"own\.png"):
            require_disjoint([tmp_path / "own.png"], {hashlib.sha256(b"a sample").hexdigest()})
