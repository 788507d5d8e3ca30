"""Settings are read from texts, each wrong one is named with what is allowed, and reading them costs little."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from streams.config.renamed_settings import RENAMED_SETTINGS
from streams.config.setting_values import WrongValue, converted
from streams.config.settings import InvalidSettings, Settings, read_settings

FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
_OTHER_VALUES = {"backfill_max_live_videos": 1} | {
    name: FIELDS[name].default * 1.25 if isinstance(FIELDS[name].default, float) else FIELDS[name].default + 1
    for name in RENAMED_SETTINGS.values()
}
"""Of each renamed setting, one that is allowed and not its default."""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def problems(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    """Lines of what is wrong with an environment."""
    for name, value in environment.items():
        monkeypatch.setenv(f"VIDSIGNAL_{name}", value)
    with pytest.raises(InvalidSettings) as refused:
        read_settings()
    return str(refused.value).splitlines()


class TestRead:
    @pytest.mark.parametrize("name", FIELDS)
    def test_defaults_are_allowed(self, name: str) -> None:
        """Each default is a value of its own type and range."""
        found = converted(FIELDS[name].default, FIELDS[name].type)
        assert found == getattr(read_settings(), name)

    def test_texts_become_values(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Numbers, truth values, lists, networks and paths; names of variables in either case."""
        for name, value in {
            "VIDSIGNAL_MAX_CONCURRENT_VIDEOS": "3",
            "vidsignal_is_broker_embedded": "True",
            "VIDSIGNAL_ROLES": "intake, verdict,",
            "VIDSIGNAL_ALLOWED_PRIVATE_NETWORKS": "10.1.0.0/16,fd00::/8",
            "VIDSIGNAL_MEDIA_ROOTS": f"{tmp_path}/a/..",
            "VIDSIGNAL_POLICY_FILE": "~/policy.yaml",
            "VIDSIGNAL_METRICS_PORT": "0",
        }.items():
            monkeypatch.setenv(name, value)
        settings = read_settings(drain_timeout_seconds=5)
        assert (settings.max_concurrent_videos, settings.is_broker_embedded, settings.metrics_port) == (3, True, 0)
        assert settings.roles == ("intake", "verdict")
        assert settings.allowed_private_networks == (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
        assert (settings.media_roots, settings.policy_file) == ((tmp_path,), Path.home() / "policy.yaml")
        assert (settings.drain_timeout_seconds, type(settings.drain_timeout_seconds)) == (5.0, float)

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("usd_per_cpu_hour", ".5", 0.5),
            ("drain_timeout_seconds", "5.", 5.0),
            ("default_deadline_seconds", " 60\n", 60.0),
            ("max_media_bytes", "1_000_000", 1_000_000),
            ("max_media_bytes", " 5.0 ", 5),
            ("max_concurrent_videos", "08\n", 8),
            ("metrics_port", "09", 9),
            ("is_broker_embedded", "yes", True),
            ("is_broker_embedded", "On", True),
            ("is_broker_embedded", "n", False),
            ("is_broker_embedded", "F", False),
        ],
    )
    def test_numbers_and_truths_are_read_as_people_write_them(
        self, monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: float
    ) -> None:
        """As releases before read them, so that no variable or file of a deployment has to change."""
        monkeypatch.setenv(f"VIDSIGNAL_{name.upper()}", text)
        found = getattr(read_settings(), name)
        assert (found, type(found)) == (value, type(value))

    def test_names_in_a_file_may_be_capitals(self, tmp_path: Path) -> None:
        """As those of variables may."""
        (tmp_path / "vidsignal.toml").write_text("MAX_CONCURRENT_VIDEOS = 4\n")
        assert read_settings().max_concurrent_videos == 4

    def test_values_of_a_file_keep_their_types(self, tmp_path: Path) -> None:
        """A list of the file is a list, and a number a number."""
        (tmp_path / "vidsignal.toml").write_text('roles = ["media"]\nslots = 4\nredis_url = "redis://h:1/0"\n')
        settings = read_settings()
        assert (settings.roles, settings.max_concurrent_videos) == (("media",), 4)
        assert settings.redis_url.get_secret_value() == "redis://h:1/0"

    def test_nothing_can_be_changed(self) -> None:
        """What was handed down stays as it was read."""
        with pytest.raises(AttributeError):
            read_settings().max_concurrent_videos = 3  # type: ignore[misc]


class TestFormerNames:
    @pytest.mark.parametrize(("former", "present"), RENAMED_SETTINGS.items())
    def test_each_is_read_with_a_warning(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, former: str, present: str
    ) -> None:
        """As a variable; the warning names both, so that a search of a deployment's files finds the place."""
        value = _OTHER_VALUES[present]
        monkeypatch.setenv(f"VIDSIGNAL_{former.upper()}", str(value))
        assert getattr(read_settings(), present) == value
        (line,) = [record.getMessage() for record in caplog.records]
        assert f"VIDSIGNAL_{former.upper()} is deprecated" in line and f"VIDSIGNAL_{present.upper()}" in line

    def test_none_is_a_setting_any_more(self) -> None:
        """And each leads to one."""
        assert RENAMED_SETTINGS.keys() & FIELDS.keys() == set()
        assert set(RENAMED_SETTINGS.values()) <= FIELDS.keys()

    @pytest.mark.parametrize("name", ["max_concurrent_videos", "MAX_CONCURRENT_VIDEOS"])
    def test_one_of_a_file_is_read(self, tmp_path: Path, name: str) -> None:
        """In either case, as all names of a file."""
        (tmp_path / "vidsignal.toml").write_text(f"{name} = 4\n")
        assert read_settings().max_concurrent_videos == 4

    def test_the_present_name_counts_where_both_are_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A deployment may set both while it rolls from one release to the next."""
        monkeypatch.setenv("VIDSIGNAL_MAX_CONCURRENT_VIDEOS", "3")
        monkeypatch.setenv("VIDSIGNAL_MAX_CONCURRENT_VIDEOS", "5")
        assert read_settings().max_concurrent_videos == 5

    def test_a_former_variable_wins_over_the_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The order of the sources is the same for both names."""
        (tmp_path / "vidsignal.toml").write_text("max_concurrent_videos = 4\n")
        monkeypatch.setenv("VIDSIGNAL_MAX_CONCURRENT_VIDEOS", "3")
        assert read_settings().max_concurrent_videos == 3

    def test_a_wrong_value_is_refused_under_the_present_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With what is allowed."""
        (line,) = problems(monkeypatch, MAX_CONCURRENT_VIDEOS="many")
        assert line.startswith("setting max_concurrent_videos (environment VIDSIGNAL_MAX_CONCURRENT_VIDEOS) is 'many'")


class TestWrong:
    def test_every_wrong_setting_has_its_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With its variable, the value found and what is allowed."""
        assert problems(
            monkeypatch, MAX_CONCURRENT_VIDEOS="999", DEVICE="gpu", MAX_DEFERRED_EVENTS="many", SLOW_EVENT_SECONDS="inf"
        ) == [
            "setting max_deferred_events (environment VIDSIGNAL_MAX_DEFERRED_EVENTS) is 'many': expected int",
            "setting device (environment VIDSIGNAL_DEVICE) is 'gpu': allowed are auto, cpu, cuda, neuron",
            "setting max_concurrent_videos (environment VIDSIGNAL_MAX_CONCURRENT_VIDEOS) is '999': expected int <= 256",
            "setting slow_event_seconds (environment VIDSIGNAL_SLOW_EVENT_SECONDS) is 'inf': expected a finite number",
        ]

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("ROLES", "intake,foo", "allowed are intake, media, backfill, verdict, engagement"),
            ("ALLOWED_PRIVATE_NETWORKS", "10.1.0.1/16", "has host bits set"),
            ("MEDIA_ROOTS", "~nobody-of-that-name/x", "home directory"),
            ("OBJECT_PREFIXES", "s3:/x", "matching regex"),
            ("TOPIC_PREFIX", "a\n", "matching regex"),
            ("METRICS_PORT", "", "expected int"),
            ("TRACES_SAMPLE_RATIO", "nan", "expected float"),
        ],
    )
    def test_one_is_named(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
        """Whatever its type."""
        (line,) = problems(monkeypatch, **{name: value})
        assert line.startswith(f"setting {name.lower()} (environment VIDSIGNAL_{name}) is {value!r}: ")
        assert words in line

    def test_engines_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each wrong word has its line with what is allowed; right ones are taken."""
        lines = problems(monkeypatch, ENGINES="torch, openvino-int8, yamnet=onnx")
        assert [line.partition(" is no engine")[0] for line in lines] == [
            "engines (environment VIDSIGNAL_ENGINES): 'openvino-int8'",
            "engines (environment VIDSIGNAL_ENGINES): 'yamnet=onnx'",
        ]
        assert "allowed are torch, openvino, torch-float32" in lines[0]
        monkeypatch.setenv("VIDSIGNAL_ENGINES", "torch,yamnet=openvino-bfloat16")
        assert read_settings().engines == ("torch", "yamnet=openvino-bfloat16")

    def test_unknown_names_of_a_file_are_refused(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """With the one that was probably meant; its value, which may be a secret, is not shown."""
        (tmp_path / "vidsignal.toml").write_text('redis_pasword = "hunter2"\n')
        assert problems(monkeypatch) == [
            "setting redis_pasword in 'vidsignal.toml' is unknown; did you mean redis_password?"
        ]

    def test_a_file_that_is_no_toml_is_refused(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """In one line, with the place."""
        (tmp_path / "vidsignal.toml").write_text("max_concurrent_videos = \n")
        (line,) = problems(monkeypatch)
        assert line.startswith("'vidsignal.toml' cannot be read as TOML: ")

    @limits(max_examples=25, deadline=None)
    @given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
    def test_any_value_is_taken_or_refused(self, value: object) -> None:
        """No other error than the one that is reported, whatever a file holds."""
        for name, field in FIELDS.items():
            try:
                found = converted(value, field.type)
            except WrongValue as error:
                assert str(error), name
            else:
                assert converted(found, field.type) == found, name


def test_reading_imports_no_framework() -> None:
    """Every command reads settings; nothing heavier than msgspec is imported for it."""
    program = "import sys; from streams.config.settings import read_settings; read_settings(); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    heavy = {"pydantic", "pydantic_settings", "structlog", "asyncio", "redis", "confluent_kafka", "rich", "numpy"}
    assert heavy & set(ended.stdout.split()) == set()
