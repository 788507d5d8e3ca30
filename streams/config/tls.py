"""TLS to brokers and stores, checked once when settings are read: files must exist and contain what is expected."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


class UnusableTls(ValueError):
    """A file is missing or contains no certificate, or a certificate and its key do not match; the message names
    them."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The trusted authorities, and the client's own certificate."""

    ca_file: Path | None = None
    """PEM certificates of authorities; None for those of the machine."""
    certificate_file: Path | None = None
    """PEM certificate of the client with its chain; None if the server requires none."""
    key_file: Path | None = None
    key_password: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no file is named."""
        return self == TlsFiles()


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context that verifies certificate and host name of every server.

    Raises:
        UnusableTls: a file cannot be used.
    """
    if (files.certificate_file is None) != (files.key_file is None):
        raise UnusableTls("a client certificate needs its key, and a key its certificate; only one of them is named")
    try:
        context = ssl.create_default_context(cafile=_readable(files.ca_file))
    except ssl.SSLError as error:
        raise UnusableTls(f"{str(files.ca_file)!r} holds no PEM certificate: {error.reason}") from error
    if files.certificate_file is not None and files.key_file is not None:
        _show_certificate(context, files)
    return context


def _show_certificate(context: ssl.SSLContext, files: TlsFiles) -> None:
    certificate, key = _readable(files.certificate_file), _readable(files.key_file)
    assert certificate is not None
    try:
        # Without a password, OpenSSL would ask for one at the terminal, and wait.
        context.load_cert_chain(certificate, key, password=files.key_password or "")
    except ssl.SSLError as error:
        raise UnusableTls(f"{certificate!r} and {key!r} are no certificate with its key: {error.reason}") from error


def _readable(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        path.open("rb").close()
    except OSError as error:
        raise UnusableTls(f"{str(path)!r} cannot be read: {error.strerror}") from error
    return str(path)
