"""Every setting, read once, from the environment (`VIDSIGNAL_...`) and from a TOML file.

The environment wins over the file, which is `vidsignal.toml` in the working folder or what `VIDSIGNAL_CONFIG` names.
Secrets may lie in files of their own, see `streams.secret_files`; they win over the file, the environment over them.
Nothing else in the product reads the environment; small frozen values are handed down from here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from streams.retention import retention_problems
from streams.secret_files import UnreadableSecret, read_secret_files
from streams.wire_checks import wire_problems

Role = Literal["intake", "media", "backfill", "verdict", "engagement"]
ROLES: tuple[Role, ...] = ("intake", "media", "backfill", "verdict", "engagement")

ObjectPrefix = Annotated[str, Field(pattern=r"^(s3|gs|az)://[^/?#]+/")]

_DAY_SECONDS = 86_400.0


class InvalidSettings(Exception):
    """A setting is wrong; the message names it, the value found and what is allowed."""


class Settings(BaseSettings):
    """All settings with their defaults; ops/docs/settings.md lists them from here."""

    model_config = SettingsConfigDict(
        env_prefix="VIDSIGNAL_", extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, comma-separated host:port.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_ca_file: Path | None = Field(None, description="The machine's authorities where it is not set.")
    kafka_ssl_cert_file: Path | None = Field(None, description="Our own certificate, where brokers ask for one.")
    kafka_ssl_key_file: Path | None = None
    kafka_ssl_key_password: SecretStr | None = None
    is_broker_embedded: bool = Field(
        False, description="The broker is the demo's in-memory one: a gap in offsets means that records were lost."
    )
    redis_url: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), description="May hold a password.")
    redis_username: str | None = None
    redis_password: SecretStr | None = None
    redis_ca_file: Path | None = Field(
        None, description="For rediss://; the machine's authorities where it is not set."
    )
    redis_cert_file: Path | None = Field(None, description="Our own certificate, where the store asks for one.")
    redis_key_file: Path | None = None
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]*$")] = Field(
        "", description="Put before every topic, group and Redis key, so that stacks can share a broker and a store."
    )
    log_generation: Annotated[int, Field(ge=0)] = Field(
        0, description="Raise it when the partition count of video.signals changes."
    )

    roles: Annotated[tuple[Role, ...], NoDecode] = Field(ROLES, description="What a worker runs.")
    media_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders below which media may lie, comma-separated."
    )
    max_media_bytes: Annotated[int, Field(gt=0)] = 8 * 1024**3
    object_prefixes: Annotated[tuple[ObjectPrefix, ...], NoDecode] = Field(
        (), description="Below which objects may be read, such as s3://uploads/, comma-separated; none by default."
    )
    allowed_private_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = Field(
        (), description="Networks such as 10.1.0.0/16 that URLs may lead to although they are not public."
    )
    spool_dir: Path | None = Field(None, description="Where fetched media lies meanwhile; below the cache if not set.")
    spool_max_bytes: Annotated[int, Field(ge=1024**2)] = Field(
        16 * 1024**3, description="Room there of one worker; media larger than it are refused, others wait for room."
    )
    source_connect_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    source_grace_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="What a request for media may take beside what the smallest throughput allows."
    )
    source_min_bytes_per_second: Annotated[int, Field(ge=1)] = 64 * 1024
    source_patience_seconds: Annotated[float, Field(gt=0, le=7 * _DAY_SECONDS)] = Field(
        _DAY_SECONDS, description="How long after its upload a video waits for an origin that is away."
    )
    max_parked: Annotated[int, Field(ge=1, le=100_000)] = Field(
        256, description="Videos that wait for their origin outside the slots."
    )
    cache_dir: Path = Field(Path("~/.cache/vidsignal"), description="Weights, samples and probe results.")
    policy_file: Path | None = Field(None, description="The policy; the packaged default where it is not set.")

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    torch_threads: Annotated[int, Field(ge=1, le=64)] = Field(
        max(1, min(4, os.cpu_count() or 1)), description="Threads of one model on a CPU; they wait without spinning."
    )
    slots: Annotated[int, Field(ge=1, le=256)] = Field(8, description="Videos in flight in one worker's media role.")
    backfill_slots: Annotated[int, Field(ge=1, le=256)] = Field(
        2, description="Videos in flight in one worker's backfill role."
    )
    backfill_beside_live: Annotated[int, Field(ge=0, le=256)] = Field(
        0, description="Live videos in flight in the same worker beside which the backfill role goes on."
    )
    decode_processes: Annotated[int, Field(ge=1, le=64)] = Field(
        max(1, min(8, os.cpu_count() or 1)), description="Processes that decode, one video each at a time."
    )
    decode_timeout_seconds: Annotated[float, Field(gt=0)] = 120.0
    decode_memory_bytes: Annotated[int, Field(ge=256 * 1024**2)] = 3 * 1024**3

    default_deadline_seconds: Annotated[float, Field(gt=0, le=7 * _DAY_SECONDS)] = 600.0
    backfill_deadline_seconds: Annotated[float, Field(gt=0, le=7 * _DAY_SECONDS)] = Field(
        7 * _DAY_SECONDS, description="The same for uploads of the backfill lane."
    )
    drain_timeout_seconds: Annotated[float, Field(gt=0, lt=60)] = 15.0
    topic_retention_uploaded_seconds: Annotated[int, Field(ge=3_600)] = Field(
        7 * 86_400, description="How long `topics create` has the broker keep uploads."
    )
    topic_retention_signals_seconds: Annotated[int, Field(ge=7 * 86_400)] = Field(
        14 * 86_400, description="The same for facts; longer than the longest deadline."
    )
    topic_retention_engagement_seconds: Annotated[int, Field(ge=3_600)] = 7 * 86_400
    topic_retention_dead_letter_seconds: Annotated[int, Field(ge=3_600)] = 28 * 86_400
    video_retention_seconds: Annotated[int, Field(ge=0)] = Field(
        0, description="How long a video is kept after its last outcome, in Redis and compacted topics; 0 for ever."
    )
    claim_ttl_seconds: Annotated[float, Field(ge=_DAY_SECONDS)] = Field(
        15 * _DAY_SECONDS, description="At least as long as uploads and facts are kept."
    )
    guard_seconds: Annotated[float, Field(ge=_DAY_SECONDS)] = Field(
        35 * _DAY_SECONDS,
        description="How long late facts of a deleted video are kept off; longer than any topic keeps.",
    )
    audit_interval_seconds: Annotated[float, Field(ge=0)] = Field(
        6 * 3_600.0, description="Between two background audits of topics and store by one of the workers; 0: none."
    )
    tombstone_repeat_seconds: Annotated[float, Field(gt=0)] = Field(
        120.0, description="After a deletion, when tombstones are written once more; longer than the longest drain."
    )
    device_fault_attempts: Annotated[int, Field(ge=1, le=10)] = 3

    engagement_summary_seconds: Annotated[float, Field(ge=1, le=_DAY_SECONDS)] = Field(
        60.0, description="Shortest time between two summaries of a video in the log; reports are told sooner."
    )
    engagement_retention_seconds: Annotated[float, Field(ge=3_600)] = Field(
        60 * _DAY_SECONDS, description="How long a video's engagement is kept after its last event."
    )
    engagement_unknown_seconds: Annotated[float, Field(ge=60)] = Field(
        _DAY_SECONDS, description="The same for a video that no upload was seen of."
    )

    metrics_port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        None, description="Prometheus endpoint on loopback; 0 takes a free port; unset: no endpoint."
    )
    metrics_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        None, description="Where /alive and /ready answer; 0 takes a free port; unset: no endpoint."
    )
    health_host: str = "127.0.0.1"
    undelivered_unready_seconds: Annotated[float, Field(ge=3)] = Field(
        30.0, description="Records wait, a role could take more, and none is delivered: then it is not ready."
    )
    undelivered_exit_seconds: Annotated[float, Field(ge=3)] = Field(
        60.0, description="The same until the worker ends itself; doubled with each such exit, up to four times."
    )
    stall_patience_seconds: Annotated[float, Field(gt=0)] = Field(
        600.0, description="Without a finished event although one is beyond its limit; longer than any event takes."
    )
    loop_patience_seconds: Annotated[float, Field(ge=2)] = Field(
        60.0, description="How long the event loop may stand still before the worker ends itself."
    )
    event_limit_seconds: Annotated[float, Field(gt=0)] = Field(
        300.0, description="An event that is worked on for longer is named in the log and counted."
    )
    traces_endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s]+")] | None = Field(
        None, description="Address of an OTLP/HTTP collector; unset: nothing is traced."
    )
    traces_sample_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        1.0, description="Share of the traces that is kept, by trace id; what a producer does not sample never is."
    )
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    usd_per_cpu_hour: Annotated[float, Field(ge=0)] = Field(0.0425, description="Price of one busy core for an hour.")
    usd_per_device_hour: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Price of a busy accelerator for an hour, beside its host; 0 on cpu, where it is a core."
    )
    watts_per_cpu_core: Annotated[float, Field(ge=0)] = Field(8.0, description="Power of one busy core.")
    watts_per_device: Annotated[float, Field(ge=0)] = Field(0.0, description="Power of a busy accelerator; 0 on cpu.")

    @field_validator("roles", "media_roots", "object_prefixes", "allowed_private_networks", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cache_dir", "policy_file", "spool_dir")
    @classmethod
    def _expand_home(cls, value: Path | None) -> Path | None:
        return _expanded(value) if value else None

    @field_validator("media_roots")
    @classmethod
    def _resolve_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(Path(os.path.realpath(_expanded(root))) for root in value)

    @model_validator(mode="after")
    def _refuse_wires_that_do_not_fit(self) -> Self:
        problems = wire_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @model_validator(mode="after")
    def _refuse_retentions_that_do_not_fit(self) -> Self:
        problems = retention_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the signature is pydantic's)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over environment over secrets' files over the one file."""
        path = Path(os.environ.get("VIDSIGNAL_CONFIG", "vidsignal.toml"))
        found = read_secret_files(os.environ, cls.model_fields, secret_names())
        secrets = InitSettingsSource(settings_cls, init_kwargs=dict(found))
        return init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls, toml_file=path)


def secret_names() -> tuple[str, ...]:
    """Settings whose values are never shown."""
    return tuple(name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))


def read_settings(**overrides: object) -> Settings:
    """Read and validate all settings; `overrides` come from the command line.

    Raises:
        InvalidSettings: one line for each wrong setting, with the value found and what is allowed.
    """
    _refuse_missing_file()
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except UnreadableSecret as error:
        raise InvalidSettings(str(error)) from error
    except ValidationError as error:
        raise InvalidSettings("\n".join(_describe(problem) for problem in error.errors())) from error


def _refuse_missing_file() -> None:
    path = os.environ.get("VIDSIGNAL_CONFIG")
    if path and not Path(path).is_file():
        raise InvalidSettings(f"VIDSIGNAL_CONFIG names {path!r}, which is not a file")


def _describe(problem: object) -> str:
    assert isinstance(problem, dict)
    if not problem["loc"]:  # of settings together; its input would be all of them, secrets included
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0])
    is_secret = name in secret_names()
    found = "(hidden)" if is_secret else repr(problem.get("input"))
    return f"setting {name} (environment VIDSIGNAL_{name.upper()}) is {found}: {problem['msg']}"


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # nobody of that name
        raise ValueError(f"{str(path)!r}: {error}") from error
