"""Secrets from files, as Docker and Kubernetes mount them, so that no secret has to be in the environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

PREFIX = "VIDSIGNAL_"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
"""Names a folder with one file per setting, named like the setting or like its variable."""


class UnreadableSecret(Exception):
    """A named file is missing or cannot be read; the message names the variable and the file."""


def read_secret_files(
    environment: Mapping[str, str], settings: Iterable[str], secrets: Iterable[str]
) -> dict[str, str]:
    """Read the secrets that variables of the environment point to; a line break at the end is removed.

    Args:
        environment: `VIDSIGNAL_SECRETS_DIR` and `VIDSIGNAL_<NAME>_FILE` are read.
        settings: names of all settings; the folder may contain any of them, and other files.
        secrets: names of the settings for which `VIDSIGNAL_<NAME>_FILE` is allowed.

    Returns:
        The values found, by setting; a file for one setting overrides the folder.

    Raises:
        UnreadableSecret: a file is missing, unreadable or empty, or a secret is given twice.
    """
    found = _from_folder(environment.get(SECRETS_DIR), settings)
    for name in secrets:
        variable = f"{PREFIX}{name.upper()}"
        path = environment.get(f"{variable}_FILE")
        if path and variable in environment:
            raise UnreadableSecret(f"{variable} and {variable}_FILE are both set; keep one")
        if path:
            found[name] = _content(Path(path), f"{variable}_FILE")
    return found


def _from_folder(folder: str | None, settings: Iterable[str]) -> dict[str, str]:
    if not folder:
        return {}
    if not Path(folder).is_dir():
        raise UnreadableSecret(f"{SECRETS_DIR} names {folder!r}, which is not a folder")
    paths = {name: _path_in(Path(folder), name) for name in settings}
    return {name: _content(path, SECRETS_DIR) for name, path in paths.items() if path is not None}


def _path_in(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{PREFIX}{name.upper()}")
    return next((path for path in candidates if path.is_file()), None)


def _content(path: Path, variable: str) -> str:
    try:
        content = path.read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnreadableSecret(f"{variable} names {str(path)!r}, which is not text") from error
    except OSError as error:
        raise UnreadableSecret(f"{variable} names {str(path)!r}: {error.strerror}") from error
    if not content:
        raise UnreadableSecret(f"{variable} names {str(path)!r}, which is empty")
    return content
