"""A release is the code that runs: a mended one has another name, under the same version too."""

from __future__ import annotations

import json
import shutil
import sys
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from ops.cli.rebuild_stores import gaps_of
from streams.config.settings import read_settings
from streams.lifecycle.release import add_code, folder_of, release
from streams.worker import note_death


def digest_of(folder: Path) -> str:
    digest = blake2b(digest_size=6)
    add_code(digest, folder)
    return digest.hexdigest()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of the folder of scripts and code that folds are stored by."""
    return Path(shutil.copytree(folder_of("streams") / "store", tmp_path / "store"))


class TestDigest:
    def test_is_the_same_wherever_the_code_is_installed(self, code: Path) -> None:
        """Every worker of a release names it alike, whatever was compiled next to the code, and when."""
        (code / "__pycache__").mkdir(exist_ok=True)
        (code / "__pycache__" / "gaps.cpython-311.pyc").write_bytes(b"compiled")
        for path in code.rglob("*.py"):
            path.touch()
        assert digest_of(code) == digest_of(folder_of("streams") / "store")

    @pytest.mark.parametrize("name", ["gaps.py", "fold.lua"])
    def test_follows_a_change_of_one_byte(self, code: Path, name: str) -> None:
        """Of code and of scripts alike."""
        before = digest_of(code)
        changed = code / name
        changed.write_text(changed.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
        assert digest_of(code) != before

    def test_follows_names(self, code: Path) -> None:
        """A module under another name is other code."""
        before = digest_of(code)
        (code / "gaps.py").rename(code / "holes.py")
        assert digest_of(code) != before


class TestRelease:
    def test_is_the_version_and_a_digest(self) -> None:
        """For people, and one word without a comma, as gaps list the releases that died."""
        named, _, digest = release().partition("+")
        assert named == version("vidsignal")
        assert len(digest) == 12
        assert digest.isalnum()

    async def test_is_the_same_for_all_who_ask(self) -> None:
        """Commands and parent processes speak of the same release as workers."""
        redis = Redis()
        assert gaps_of(read_settings(), redis).release == release()
        assert note_death.note_command()[-1] == release()
        await redis.aclose()


class TestNotedDeaths:
    @pytest.mark.parametrize(("named", "noted"), [(("0.0.9+abc",), "0.0.9+abc"), ((), version("vidsignal"))])
    def test_are_of_the_release_that_died(
        self, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...], noted: str
    ) -> None:
        """The files may be those of the next release by then; a parent of a former release names none."""
        calls: list[Any] = []
        monkeypatch.setattr(note_death, "note_death", lambda _settings, *rest: calls.append(rest))
        monkeypatch.setattr(note_death, "configure_logs", lambda *_: None)
        monkeypatch.setattr(sys, "argv", ["note_death", *named, json.dumps(["key"]), "SIGSEGV"])
        note_death.main()
        assert calls == [(noted, ["key"], "SIGSEGV")]
