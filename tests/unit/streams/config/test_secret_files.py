"""Secrets from files: found where a container has them, refused where they cannot be read, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.config.secret_files import UnreadableSecret, read_secret_files
from streams.config.settings import InvalidSettings, read_settings

SETTINGS = ("redis_url", "redis_password", "kafka_sasl_username")
SECRETS = ("redis_url", "redis_password")


@pytest.fixture(autouse=True)
def _no_file_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def read(**environment: object) -> dict[str, str]:
    """What an environment leads to."""
    return read_secret_files(
        {f"VIDSIGNAL_{name}": str(value) for name, value in environment.items()}, SETTINGS, SECRETS
    )


def written(path: Path, content: str) -> Path:
    """A file with that content."""
    path.write_text(content, encoding="utf-8")
    return path


class TestFolder:
    def test_a_file_a_setting(self, tmp_path: Path) -> None:
        """Named like the setting or like its variable; other files are not ours."""
        written(tmp_path / "redis_password", "one\n")
        written(tmp_path / "VIDSIGNAL_KAFKA_SASL_USERNAME", "ann")
        written(tmp_path / "unrelated", "x")
        assert read(SECRETS_DIR=tmp_path) == {"redis_password": "one", "kafka_sasl_username": "ann"}

    def test_missing_folder_is_refused(self, tmp_path: Path) -> None:
        """The message names the variable and the folder."""
        with pytest.raises(UnreadableSecret, match=r"VIDSIGNAL_SECRETS_DIR names '.*nowhere', which is not a folder"):
            read(SECRETS_DIR=tmp_path / "nowhere")


class TestFiles:
    def test_spaces_belong_to_a_secret(self, tmp_path: Path) -> None:
        """Only the line break at the end does not."""
        assert read(REDIS_PASSWORD_FILE=written(tmp_path / "p", " a b \r\n")) == {"redis_password": " a b "}

    def test_a_file_wins_over_the_folder(self, tmp_path: Path) -> None:
        """It names the one secret."""
        written(tmp_path / "redis_password", "folder")
        own = written(tmp_path / "own", "file")
        assert read(SECRETS_DIR=tmp_path, REDIS_PASSWORD_FILE=own) == {"redis_password": "file"}

    def test_only_secrets_have_files(self, tmp_path: Path) -> None:
        """A variable like that of another setting means nothing."""
        assert read(KAFKA_SASL_USERNAME_FILE=written(tmp_path / "u", "ann")) == {}

    @pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("\n", "is empty"), ("dir", "directory")])
    def test_unreadable_files_are_refused(self, tmp_path: Path, content: str | None, words: str) -> None:
        """The message names the variable, the file and what is wrong with it."""
        path = tmp_path / "secret"
        if content == "dir":
            path.mkdir()
        elif content is not None:
            written(path, content)
        with pytest.raises(UnreadableSecret, match=rf"VIDSIGNAL_REDIS_PASSWORD_FILE names '.*secret'.*{words}"):
            read(REDIS_PASSWORD_FILE=path)

    def test_a_secret_given_twice_is_refused(self, tmp_path: Path) -> None:
        """Nobody could say which of them counts."""
        own = written(tmp_path / "own", "file")
        with pytest.raises(UnreadableSecret, match="VIDSIGNAL_REDIS_PASSWORD and VIDSIGNAL_REDIS_PASSWORD_FILE"):
            read(REDIS_PASSWORD_FILE=own, REDIS_PASSWORD="other")


class TestSettings:
    def test_environment_wins_over_files_and_they_over_the_toml(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In that order, and arguments over all."""
        written(tmp_path / "vidsignal.toml", 'redis_password = "toml"\nkafka_bootstrap_servers = "toml:9092"\n')
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        written(secrets / "redis_password", "file")
        monkeypatch.setenv("VIDSIGNAL_SECRETS_DIR", str(secrets))
        assert _password() == "file"
        assert read_settings().kafka_bootstrap_servers == "toml:9092"
        monkeypatch.setenv("VIDSIGNAL_REDIS_PASSWORD", "environment")
        assert _password() == "environment"
        assert _password(redis_password="argument") == "argument"

    def test_missing_file_is_a_wrong_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Commands and workers say it in one line."""
        monkeypatch.setenv("VIDSIGNAL_REDIS_URL_FILE", "/nowhere/url")
        with pytest.raises(InvalidSettings, match="VIDSIGNAL_REDIS_URL_FILE names '/nowhere/url'"):
            read_settings()


def _password(**overrides: object) -> str | None:
    password = read_settings(**overrides).redis_password
    return password.get_secret_value() if password else None
