"""Kafka's jars: what is missing is named, a failed fetch leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.local.kafka_jars import KafkaUnavailable, fetch_jars, jar_dir, missing_requirement


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found; empty."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def _write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def _write_java(folder: Path, version: str) -> None:
    _write_program(folder / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


class TestMissingRequirement:
    def test_no_java(self, programs: Path, tmp_path: Path) -> None:
        """A machine without Java is told so."""
        assert missing_requirement(tmp_path) == "there is no `java` (Java 17 or newer is needed)"

    def test_old_java(self, programs: Path, tmp_path: Path) -> None:
        """A Java that is too old is named with its version."""
        _write_java(programs, "11.0.2")

        assert missing_requirement(tmp_path) == "`java` is version 11 (Java 17 or newer is needed)"

    def test_no_maven(self, programs: Path, tmp_path: Path) -> None:
        """Without Maven the jars cannot be had."""
        _write_java(programs, "17.0.15")

        assert missing_requirement(tmp_path) == "there is no `mvn` (Maven fetches Kafka's jars)"

    def test_no_maven_but_jars(self, programs: Path, tmp_path: Path) -> None:
        """Jars in the cache need no Maven."""
        _write_java(programs, "21")
        jar_dir(tmp_path).mkdir(parents=True)

        assert missing_requirement(tmp_path) is None


class TestFetchJars:
    def test_what_is_missing_is_named(self, programs: Path, tmp_path: Path) -> None:
        """Before anything is fetched or started."""
        with pytest.raises(KafkaUnavailable, match="there is no `java`"):
            fetch_jars(tmp_path)

    def test_maven_fails(self, programs: Path, tmp_path: Path) -> None:
        """A failed fetch says what Maven said and leaves no jars that look whole."""
        _write_java(programs, "21")
        _write_program(programs / "mvn", "echo no route to the repository; exit 1")

        with pytest.raises(KafkaUnavailable, match="no route to the repository"):
            fetch_jars(tmp_path)

        assert not jar_dir(tmp_path).exists()

    def test_jars_in_the_cache(self, programs: Path, tmp_path: Path) -> None:
        """What is there is not fetched again."""
        _write_java(programs, "21")
        jar_dir(tmp_path).mkdir(parents=True)

        assert jar_dir(tmp_path) == fetch_jars(tmp_path)
