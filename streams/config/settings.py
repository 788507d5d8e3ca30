"""Every setting, read once, from the environment (`VIDSIGNAL_...`) and from a TOML file.

The environment wins over the file, which is `vidsignal.toml` in the working folder or what `VIDSIGNAL_CONFIG` names.
Secrets may be in files of their own, see `streams.config.secret_files`; they win over the file, the environment over
them. Nothing else in the product reads the environment; small frozen values are handed down from here.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import fields

from streams.config.connection_checks import connection_problems
from streams.config.connection_settings import ConnectionSettings
from streams.config.renamed_settings import RENAMED_SETTINGS, by_present_name
from streams.config.retention import retention_problems
from streams.config.secret_files import PREFIX, UnreadableSecret, read_secret_files
from streams.config.setting_values import Network, WrongValue, converted

Role = Literal["intake", "media", "backfill", "verdict", "engagement"]
ROLES: tuple[Role, ...] = ("intake", "media", "backfill", "verdict", "engagement")
Device = Literal["auto", "cpu", "cuda"]
"""Where models run; `auto` takes an accelerator where there is one."""

ObjectPrefix = Annotated[str, Meta(pattern=r"^(s3|gs|az)://[^/?#]+/")]

_DAY_SECONDS = 86_400.0


class InvalidSettings(Exception):
    """A setting is wrong; the message names it, the value found and what is allowed."""


class Settings(ConnectionSettings, frozen=True, kw_only=True):
    """All settings with their defaults, as `read_settings` fills them; docs/settings.md lists them from here."""

    topic_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*$(?!\n)")] = ""
    """Put before every topic, group and Redis key, so that stacks can share a broker and a store."""
    log_epoch: Annotated[int, Meta(ge=0)] = 0
    """Raise it when the partition count of video.signals changes."""

    roles: tuple[Role, ...] = ROLES
    """What a worker runs."""
    media_roots: tuple[Path, ...] = ()
    """Folders below which media may lie, comma-separated."""
    max_media_bytes: Annotated[int, Meta(gt=0)] = 8 * 1024**3
    object_prefixes: tuple[ObjectPrefix, ...] = ()
    """Below which objects may be read, such as s3://uploads/, comma-separated; none by default."""
    allowed_private_networks: tuple[Network, ...] = ()
    """Networks such as 10.1.0.0/16 that URLs may lead to although they are not public."""
    spool_dir: Path | None = None
    """Where fetched media lies meanwhile; below the cache if not set."""
    spool_max_bytes: Annotated[int, Meta(ge=1024**2)] = 16 * 1024**3
    """Room there of one worker; media larger than it are refused, others wait for room."""
    source_connect_timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 5.0
    source_request_timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """What a request for media may take beside what the smallest throughput allows."""
    source_min_bytes_per_second: Annotated[int, Meta(ge=1)] = 64 * 1024
    source_outage_timeout_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = _DAY_SECONDS
    """How long after its upload a video waits for an origin that is unavailable."""
    max_deferred_events: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Videos that wait for their origin outside the slots."""
    cache_dir: Path = Path("~/.cache/vidsignal")
    """Weights, samples and probe results."""
    compiled_dir: Path | None = None
    """Compiled models, of one user and machine; `compiled` below the cache where it is not set."""
    compiled_max_bytes: Annotated[int, Meta(ge=0)] = 1024**3
    """What compiled models may take on disk; 0 keeps none."""
    model_cards: tuple[Path, ...] = ()
    """Folders with cards of added models, comma-separated."""
    trusted_model_folders: tuple[Path, ...] = ()
    """Folders below which added models may be programs, such as TorchScript; comma-separated."""
    model_licences: tuple[str, ...] = ()
    """Licences of added models that are accepted beside the usual permissive ones, comma-separated."""
    models_off: tuple[str, ...] = ()
    """Models that do not run, comma-separated."""
    models_generation: Annotated[int, Meta(ge=0)] = 0
    """Raised by the generation of each added model that is removed, so that new results replace old ones."""
    policy_file: Path | None = None
    """The policy; the packaged default where it is not set."""

    device: Device = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    torch_threads: Annotated[int, Meta(ge=1, le=64)] = max(1, min(4, os.cpu_count() or 1))
    """Threads of one model on a CPU; they wait without spinning."""
    max_concurrent_videos: Annotated[int, Meta(ge=1, le=256)] = 8
    """Videos in flight in one worker's media role."""
    backfill_max_concurrent_videos: Annotated[int, Meta(ge=1, le=256)] = 2
    """Videos in flight in one worker's backfill role."""
    backfill_max_live_videos: Annotated[int, Meta(ge=0, le=256)] = 0
    """Live videos in flight in the same worker beside which the backfill role goes on."""
    decode_processes: Annotated[int, Meta(ge=1, le=64)] = max(1, min(8, os.cpu_count() or 1))
    """Processes that decode, one video each at a time."""
    decode_timeout_seconds: Annotated[float, Meta(gt=0)] = 120.0
    decode_memory_bytes: Annotated[int, Meta(ge=256 * 1024**2)] = 3 * 1024**3

    default_deadline_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = 600.0
    backfill_deadline_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = 7 * _DAY_SECONDS
    """The same for uploads of the backfill lane."""
    drain_timeout_seconds: Annotated[float, Meta(gt=0, lt=60)] = 15.0
    topic_retention_uploaded_seconds: Annotated[int, Meta(ge=3_600)] = 7 * 86_400
    """How long `topics create` has the broker keep uploads."""
    topic_retention_signals_seconds: Annotated[int, Meta(ge=7 * 86_400)] = 14 * 86_400
    """The same for facts; longer than the longest deadline."""
    topic_retention_engagement_seconds: Annotated[int, Meta(ge=3_600)] = 7 * 86_400
    topic_retention_dead_letter_seconds: Annotated[int, Meta(ge=3_600)] = 28 * 86_400
    refusal_retention_seconds: Annotated[float, Meta(ge=3_600)] = 7 * _DAY_SECONDS
    """How long a video's refusals stay in Redis after the last one; at most as long as dead letters."""
    max_refused_videos: Annotated[int, Meta(ge=1)] = 50_000
    """Videos whose refusals stay in Redis; beyond that the oldest are dropped."""
    video_retention_seconds: Annotated[int, Meta(ge=0)] = 0
    """How long a video is kept after its last outcome, in Redis and compacted topics; 0 forever."""
    claim_ttl_seconds: Annotated[float, Meta(ge=_DAY_SECONDS)] = 15 * _DAY_SECONDS
    """At least as long as uploads and facts are kept."""
    deletion_marker_ttl_seconds: Annotated[float, Meta(ge=_DAY_SECONDS)] = 35 * _DAY_SECONDS
    """How long late facts of a deleted video are kept off; longer than any topic keeps."""
    audit_interval_seconds: Annotated[float, Meta(ge=0)] = 6 * 3_600.0
    """Between two background audits of topics and store by one of the workers; 0: none."""
    tombstone_repeat_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """After a deletion, when tombstones are written once more; longer than the longest drain."""
    device_fault_attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    dead_letter_limit: Annotated[int, Meta(ge=0)] = 20
    """Dead letters by faults of our own within the window, after which a role pauses; 0: no limit."""
    dead_letter_limit_window_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """How long such a dead letter counts; those by senders' faults never do."""

    engagement_summary_interval_seconds: Annotated[float, Meta(ge=1, le=_DAY_SECONDS)] = 60.0
    """Shortest time between two summaries of a video in the log; reports are told sooner."""
    engagement_retention_seconds: Annotated[float, Meta(ge=3_600)] = 60 * _DAY_SECONDS
    """How long a video's engagement is kept after its last event."""
    engagement_unknown_video_ttl_seconds: Annotated[float, Meta(ge=60)] = _DAY_SECONDS
    """The same for a video that no upload was seen of."""

    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    """Prometheus endpoint on loopback; 0 takes a free port; unset: no endpoint."""
    metrics_host: str = "127.0.0.1"
    health_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    """Where /livez and /readyz answer; 0 takes a free port; unset: no endpoint."""
    health_host: str = "127.0.0.1"
    undelivered_unready_seconds: Annotated[float, Meta(ge=3)] = 30.0
    """Records wait, a role could take more, and none is delivered: then it is not ready."""
    undelivered_exit_seconds: Annotated[float, Meta(ge=3)] = 60.0
    """The same until the worker ends itself; doubled with each such exit, up to four times."""
    stall_timeout_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """Without a finished event although one is beyond its limit; longer than any event takes."""
    event_loop_timeout_seconds: Annotated[float, Meta(ge=2)] = 60.0
    """How long the event loop may stand still before the worker ends itself."""
    slow_event_seconds: Annotated[float, Meta(gt=0)] = 300.0
    """An event that is worked on for longer is named in the log and counted."""
    traces_endpoint: Annotated[str, Meta(pattern=r"^https?://[^/\s]+")] | None = None
    """Address of an OTLP/HTTP collector; unset: nothing is traced."""
    traces_sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Share of the traces that is kept, by trace id; what a producer does not sample never is."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    usd_per_cpu_hour: Annotated[float, Meta(ge=0)] = 0.0425
    """Price of one busy core for an hour."""
    usd_per_device_hour: Annotated[float, Meta(ge=0)] = 0.0
    """Price of a busy accelerator for an hour, beside its host; 0 on cpu, where it is a core."""
    watts_per_cpu_core: Annotated[float, Meta(ge=0)] = 8.0
    """Power of one busy core."""
    watts_per_device: Annotated[float, Meta(ge=0)] = 0.0
    """Power of a busy accelerator; 0 on cpu."""

    def __post_init__(self) -> None:
        problems = [*connection_problems(self), *retention_problems(self)]
        if problems:
            raise ValueError("\n".join(problems))


def secret_names() -> tuple[str, ...]:
    """Settings whose values are never shown."""
    return tuple(field.name for field in fields(Settings) if "Secret" in str(field.type))


def read_settings(**overrides: object) -> Settings:
    """Read and validate all settings; `overrides` come from the command line.

    Arguments win over the environment, it over secrets' files, and they over the one file.

    Raises:
        InvalidSettings: one line for each wrong setting, with the value found and what is allowed.
    """
    path = Path(os.environ.get("VIDSIGNAL_CONFIG", "vidsignal.toml"))
    of_file = _read_file(path)
    try:
        of_secrets = read_secret_files(os.environ, _known_names(), secret_names())
    except UnreadableSecret as error:
        raise InvalidSettings(str(error)) from error
    arguments = {name: value for name, value in overrides.items() if value is not None}
    given: dict[str, Any] = {}
    for source in (of_file, of_secrets, _environment(), arguments):
        given |= by_present_name(source)
    return _validated(given, path)


def _known_names() -> tuple[str, ...]:
    return (*Settings.__struct_fields__, *RENAMED_SETTINGS)


def _read_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        if os.environ.get("VIDSIGNAL_CONFIG"):
            raise InvalidSettings(f"VIDSIGNAL_CONFIG names {str(path)!r}, which is not a file")
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{str(path)!r} cannot be read as TOML: {error}") from error
    known = _known_names()
    names = {name: name.lower() for name in content if name.lower() in known}
    return {names.get(name, name): value for name, value in content.items()}


def _environment() -> dict[str, str]:
    """Variables of settings, in whatever case; others of our prefix are not ours to judge."""
    found = {name.upper(): value for name, value in os.environ.items()}
    names = {f"{PREFIX}{name.upper()}": name for name in _known_names()}
    return {names[variable]: found[variable] for variable in names.keys() & found.keys()}


def _validated(given: dict[str, Any], path: Path) -> Settings:
    values, problems = {}, [_unknown(name, path) for name in given if name not in Settings.__struct_fields__]
    for field in fields(Settings):
        value = given.get(field.name, field.default)
        try:
            values[field.name] = converted(value, field.type)
        except WrongValue as error:
            problems.append(_wrong(field.name, value, error))
    if problems:
        raise InvalidSettings("\n".join(problems))
    try:
        return Settings(**values)
    except ValueError as error:
        raise InvalidSettings(str(error)) from error


def _unknown(name: str, path: Path) -> str:
    near = get_close_matches(name, Settings.__struct_fields__, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"setting {name} in {str(path)!r} is unknown{meant}"


def _wrong(name: str, value: object, error: WrongValue) -> str:
    found = "(hidden)" if name in secret_names() else repr(value)
    return f"setting {name} (environment {PREFIX}{name.upper()}) is {found}: {error}"
