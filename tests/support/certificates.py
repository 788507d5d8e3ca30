"""A certificate authority of one process, by trustme: PEM files in the forms that Kafka, Redis and clients read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization

from ops.local.ports import LOOPBACK
from ops.local.private_files import write_private


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, each in a PEM file."""

    certificate_path: Path
    key_path: Path
    """Not encrypted; readable by its owner alone."""
    both_path: Path
    """Key and certificate in one file, the form in which Kafka reads PEM."""


class Authority:
    """Signs certificates; its own is `certificate_path`, its key never leaves the process.

    Args:
        folder: a folder of its own, which it makes.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._authority = trustme.CA()
        self.certificate_path = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(self.certificate_path)

    def issue(
        self, name: str, hosts: Sequence[str] = (LOOPBACK, "localhost"), *, valid_until: datetime | None = None
    ) -> KeyPair:
        """Sign a certificate for servers and clients alike.

        Args:
            name: its common name, by which Kafka knows a client; also the files' name.
            hosts: addresses and host names of a server; a client compares them with what it connects to.
            valid_until: far off if None; a past time makes a certificate that has expired.
        """
        signed = self._authority.issue_cert(*hosts, common_name=name, not_after=valid_until)
        certificate, key = signed.cert_chain_pems[0].bytes(), _as_pkcs8(signed.private_key_pem.bytes())
        stem = self._folder / name
        pair = KeyPair(stem.with_suffix(".pem"), stem.with_suffix(".key"), stem.with_suffix(".both.pem"))
        pair.certificate_path.write_bytes(certificate)
        write_private(pair.key_path, key)
        write_private(pair.both_path, key + certificate)
        return pair


def _as_pkcs8(pem: bytes) -> bytes:
    """The only form in which Kafka reads a key."""
    key = serialization.load_pem_private_key(pem, password=None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
