"""A certificate authority for one process's life: PEM certificates for local servers and their clients.

For tests and local stacks only; a fleet has an authority of its own. Needs `cryptography`, which the product itself
does not: it comes with the development dependencies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ops.local.ports import LOOPBACK
from ops.local.private_files import write_private

_DAY: Final = timedelta(days=1)


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
        folder: an own folder, which it makes; what is issued lies there.
        name: common name, to tell authorities apart.
    """

    def __init__(self, folder: Path, name: str = "vidsignal local authority") -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate_path = folder / "authority.pem"
        self.certificate_path.write_bytes(_pem(self._own_certificate()))

    def issue(
        self, name: str, hosts: Sequence[str] = (LOOPBACK, "localhost"), *, valid_until: datetime | None = None
    ) -> KeyPair:
        """Sign a certificate for servers and clients alike.

        Args:
            name: its common name, by which Kafka knows a client; also the files' name.
            hosts: addresses and host names of a server; a client compares them with what it connects to.
            valid_until: tomorrow if None; a past time makes a certificate that has run out.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key.public_key(), hosts, valid_until or datetime.now(UTC) + _DAY)
        return self._write(name, _pem(certificate), _key_pem(key))

    def _sign(
        self, name: str, key: ec.EllipticCurvePublicKey, hosts: Sequence[str], valid_until: datetime
    ) -> x509.Certificate:
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, valid_until).add_extension(usages, critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _own_certificate(self) -> x509.Certificate:
        builder = self._builder(self._name, self._key.public_key(), datetime.now(UTC) + 2 * _DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # OpenSSL's strict checks, which newer Pythons turn on, want these two of an authority.
        builder = builder.add_extension(_signing_usage(), critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, valid_until: datetime
    ) -> x509.CertificateBuilder:
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid_until - 3 * _DAY)
            .not_valid_after(valid_until)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(authority_key, critical=False)
        )

    def _write(self, name: str, certificate: bytes, key: bytes) -> KeyPair:
        stem = self._folder / name
        pair = KeyPair(stem.with_suffix(".pem"), stem.with_suffix(".key"), stem.with_suffix(".both.pem"))
        pair.certificate_path.write_bytes(certificate)
        write_private(pair.key_path, key)
        write_private(pair.both_path, key + certificate)
        return pair


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signing_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
