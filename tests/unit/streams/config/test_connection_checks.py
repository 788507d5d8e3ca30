"""Settings of the wires: what does not fit together is refused, with a message that holds no secret."""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec
import pytest

from streams.config.redis_options import store_options
from streams.config.settings import InvalidSettings, read_settings
from streams.kafka.clients import client_configuration
from tests.support.certificates import Authority

SECRET = "hunter2-hunter2"
USER = {"kafka_sasl_username": "ann", "kafka_sasl_password": SECRET}


@pytest.fixture(autouse=True)
def _no_file_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Signs certificates."""
    return Authority(tmp_path / "authority")


def refusal(**overrides: object) -> str:
    """What is said of settings that do not fit; nothing of it, traceback included, holds the secret."""
    with pytest.raises(InvalidSettings) as refused:
        read_settings(**overrides)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


class TestRefused:
    @pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
    @pytest.mark.parametrize("lacking", USER)
    def test_sasl_without_user_or_password(self, protocol: str, lacking: str) -> None:
        """Both are needed."""
        rest = {name: value for name, value in USER.items() if name != lacking}
        said = refusal(kafka_security_protocol=protocol, **rest)
        assert (
            said == f"kafka_security_protocol is {protocol!r}, which needs kafka_sasl_username and kafka_sasl_password"
        )

    @pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
    def test_user_without_sasl(self, protocol: str) -> None:
        """A password that would never be sent is a mistake."""
        assert "which sends no user" in refusal(kafka_security_protocol=protocol, **USER)

    @pytest.mark.parametrize("name", ["kafka_ssl_ca_file", "kafka_ssl_key_file"])
    def test_certificates_without_tls(self, name: str, authority: Authority) -> None:
        """Who names a certificate believes that the wire is encrypted."""
        said = refusal(**{name: authority.certificate_path})
        assert (
            said
            == "kafka_security_protocol is 'PLAINTEXT', which uses no kafka_ssl_... file: allowed are SSL, SASL_SSL"
        )

    def test_certificate_without_key(self, authority: Authority) -> None:
        """And a key without its certificate."""
        pair = authority.issue("media")
        assert "needs its key" in refusal(kafka_security_protocol="SSL", kafka_ssl_cert_file=pair.certificate_path)
        assert "needs its key" in refusal(redis_url="rediss://r", redis_key_file=pair.key_path)

    def test_key_of_another_certificate(self, authority: Authority) -> None:
        """The files are named."""
        one, other = authority.issue("one"), authority.issue("other")
        files = {"kafka_ssl_cert_file": one.certificate_path, "kafka_ssl_key_file": other.key_path}
        said = refusal(kafka_security_protocol="SSL", **files)
        assert "one.pem" in said and "other.key" in said and "are no certificate with its key" in said

    def test_missing_file_and_no_certificate(self, tmp_path: Path) -> None:
        """At start, not at the first connection."""
        text = tmp_path / "text.pem"
        text.write_text("no certificate", encoding="utf-8")
        assert "holds no PEM certificate" in refusal(kafka_security_protocol="SSL", kafka_ssl_ca_file=text)
        assert "No such file" in refusal(redis_url="rediss://r", redis_ca_file=tmp_path / "nowhere.pem")

    def test_redis_certificates_without_tls(self, authority: Authority) -> None:
        """`redis://` uses none."""
        assert "rediss does" in refusal(redis_url="redis://r", redis_ca_file=authority.certificate_path)

    def test_urls_that_turn_verification_off(self) -> None:
        """There is no switch, and none through the back door."""
        assert "options that begin with ssl_" in refusal(redis_url=f"rediss://:{SECRET}@r/0?ssl_cert_reqs=none")

    def test_two_passwords_for_redis(self) -> None:
        """Nobody could say which of them counts."""
        assert "keep one" in refusal(redis_url=f"redis://:{SECRET}@r", redis_password=SECRET)

    def test_other_schemes(self) -> None:
        """A URL of something else is named by its scheme alone."""
        assert refusal(redis_url=f"http://a:{SECRET}@r").startswith("redis_url begins with 'http'")

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("foo", "'foo'"),
            ("", "''"),
            ("//r:6379/0", "'//r:6379/0'"),
            (f":{SECRET}@r", "'r'"),
            (f"//a:{SECRET}@r:6379/0?password={SECRET}", "'r:6379/0'"),
            (f"foo={SECRET}", "(hidden)"),
        ],
    )
    def test_address_without_scheme(self, value: str, shown: str) -> None:
        """The value, without a password, and the variable that has it."""
        said = refusal(redis_url=value)
        assert said.startswith(f"redis_url (environment VIDSIGNAL_REDIS_URL) is {shown}, which has no scheme; allowed")

    @pytest.mark.parametrize("mark", ["/", "?", "#"])
    def test_passwords_that_are_not_encoded(self, mark: str) -> None:
        """What stands before such a mark is taken for the port: no message quotes it."""
        assert refusal(redis_url=f"redis://:{SECRET}{mark}x@r:6379/0").startswith("redis_url is (hidden)")

    def test_redis_user_without_password(self) -> None:
        """Redis would be asked as somebody else."""
        assert refusal(redis_username="ann") == "redis_username is set without redis_password"


class TestTaken:
    def test_hosts_are_always_verified(self, authority: Authority) -> None:
        """Both wires, with and without files of one's own."""
        kafka = client_configuration(read_settings(kafka_security_protocol="SSL"))
        assert kafka["ssl.endpoint.identification.algorithm"] == "https"
        assert kafka["enable.ssl.certificate.verification"] is True
        options = store_options(read_settings(redis_url="rediss://r", redis_ca_file=authority.certificate_path))
        assert (options["ssl_cert_reqs"], options["ssl_check_hostname"]) == ("required", True)

    def test_redis_user(self) -> None:
        """Handed to the client next to the URL."""
        options = store_options(read_settings(redis_username="ann", redis_password=SECRET))
        assert options == {"username": "ann", "password": SECRET}

    def test_nothing_is_secured_by_default(self) -> None:
        """A laptop needs no certificate, and nobody from outside reaches its endpoint."""
        settings = read_settings()
        assert store_options(settings) == {}
        assert settings.metrics_host == "127.0.0.1"

    def test_secrets_are_not_printed(self) -> None:
        """Settings may be logged whole."""
        settings = read_settings(kafka_security_protocol="SASL_PLAINTEXT", redis_password=SECRET, **USER)
        assert SECRET not in f"{settings!r}{settings}{msgspec.structs.asdict(settings)}"
        assert settings.redis_password is not None and settings.kafka_sasl_password is not None
        assert (settings.redis_password.get_secret_value(), settings.kafka_sasl_password.get_secret_value()) == (
            SECRET,
            SECRET,
        )
