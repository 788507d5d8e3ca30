"""Every setting, read once, from the environment (`VIDSIGNAL_...`) and from a TOML file.

The file is `vidsignal.toml` in the working folder, or the file that `VIDSIGNAL_CONFIG` names. Secrets may be in files
of their own, see `streams.config.secret_files`. The environment overrides secret files, and these override the TOML
file. No other module of `streams` takes values from the environment; small frozen values are passed down from here.
`streams.config.unknown_variables` names variables that are no settings.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from schemas.labels import add_labels
from streams.config.connection_checks import connection_problems
from streams.config.connection_settings import ConnectionSettings
from streams.config.engine_words import engine_problems
from streams.config.label_files import InvalidLabels, read_added_labels
from streams.config.renamed_settings import RENAMED_SETTINGS, by_present_name
from streams.config.retention import retention_problems
from streams.config.secret import Secret
from streams.config.secret_files import PREFIX, UnreadableSecret, read_secret_files
from streams.config.server_words import server_problems
from streams.config.setting_values import Network, WrongValue, converted

Role = Literal["intake", "media", "backfill", "verdict", "engagement"]
ROLES: tuple[Role, ...] = ("intake", "media", "backfill", "verdict", "engagement")
Device = Literal["auto", "cpu", "cuda", "neuron"]
"""Device for models; `auto` uses an accelerator if there is one."""

ObjectPrefix = Annotated[str, Meta(pattern=r"^(s3|gs|az)://[^/?#]+/")]

_DAY_SECONDS = 86_400.0


class InvalidSettings(Exception):
    """A setting is wrong; the message names it, the value found and what is allowed."""


class Settings(ConnectionSettings, frozen=True, kw_only=True):
    """All settings with their defaults, as `read_settings` fills them; docs/settings.md describes them."""

    topic_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]*$(?!\n)")] = ""
    """Prefix of every topic, group and Redis key, so that stacks can share a broker and a store."""
    log_epoch: Annotated[int, Meta(ge=0)] = 0
    """Part of every version; raise it when the partition count of video.signals changes."""

    roles: tuple[Role, ...] = ROLES
    """Roles that a worker runs."""
    media_roots: tuple[Path, ...] = ()
    """Folders below which media files may be read, comma-separated."""
    max_media_bytes: Annotated[int, Meta(gt=0)] = 8 * 1024**3
    object_prefixes: tuple[ObjectPrefix, ...] = ()
    """Prefixes below which objects may be read, such as s3://uploads/, comma-separated; none by default."""
    allowed_private_networks: tuple[Network, ...] = ()
    """Networks such as 10.1.0.0/16 that URLs may lead to although they are private."""
    spool_dir: Path | None = None
    """Folder for fetched media; below the cache if unset."""
    spool_max_bytes: Annotated[int, Meta(ge=1024**2)] = 16 * 1024**3
    """Space in the spool for one worker. Larger media are refused; others wait for space."""
    source_connect_timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 5.0
    source_request_timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Time limit of a request for media, in addition to the time that the lowest throughput permits."""
    source_min_bytes_per_second: Annotated[int, Meta(ge=1)] = 64 * 1024
    source_outage_timeout_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = _DAY_SECONDS
    """How long after its upload a video waits for an unavailable media source."""
    max_deferred_events: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Maximum number of videos that wait for their media source without a slot."""
    cache_dir: Path = Path("~/.cache/vidsignal")
    """Weights, samples and probe results."""
    compiled_dir: Path | None = None
    """Folder of compiled models, of one user and machine; `compiled` below the cache if unset."""
    compiled_max_bytes: Annotated[int, Meta(ge=0)] = 1024**3
    """Disk space for compiled models; 0 disables the cache."""
    neuron_dir: Path | None = None
    """Folder of programs for Neuron devices, of one user; `neuron` below the folder of compiled models if unset."""
    model_cards: tuple[Path, ...] = ()
    """Folders with cards of added models, comma-separated."""
    trusted_model_folders: tuple[Path, ...] = ()
    """Folders below which added models may be programs, such as TorchScript; comma-separated."""
    model_licences: tuple[str, ...] = ()
    """Licences of added models that are accepted in addition to the usual permissive ones, comma-separated."""
    models_off: tuple[str, ...] = ()
    """Models that do not run, comma-separated."""
    models_generation: Annotated[int, Meta(ge=0)] = 0
    """Raised by the generation of each added model that is removed, so that new results replace old ones."""
    label_folders: tuple[Path, ...] = ()
    """Folders with files of labels that are added to the taxonomy, comma-separated."""
    policy_file: Path | None = None
    """The policy file; the packaged default policy if unset."""
    prototypes_file: Path | None = None
    """The file of example sentences that texts are compared with; the packaged default file if unset."""

    speech_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.05
    """Share of videos whose speech is transcribed, by a hash of the id; those with a suspicious title, description or
    sound are transcribed as well. 0: none is."""
    speech_seconds: Annotated[float, Meta(ge=1, le=3_600)] = 30.0
    """Most seconds of speech of one video that are transcribed."""
    text_pictures: Annotated[int, Meta(ge=0, le=16)] = 4
    """Pictures of a video in which text is looked for, at most; 0 reads no text."""

    device: Device = "auto"
    device_memory_bytes: Annotated[int, Meta(ge=256 * 1024**2)] | None = None
    """Memory of a CUDA device for one worker; 90 percent of it if unset."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    engines: tuple[str, ...] = ()
    """Engines and modes in which models may run on a CPU, comma-separated, such as `torch` or `yamnet=torch-float32`;
    all if empty."""
    measure_at_start: bool = True
    """Whether a worker measures models that were not measured yet."""
    kserve_url: str | None = None
    """Address of a server of the KServe v2 protocol, such as `https://models.example:8443`."""
    kserve_models: tuple[str, ...] = ()
    """Models that run on it, comma-separated, as MODEL or as MODEL=NAME with its name on the server."""
    kserve_token: Secret | None = None
    """Bearer token for it."""
    openai_url: str | None = None
    """Address of a server of chat completions, without `/v1`."""
    openai_models: tuple[str, ...] = ()
    """Models that run on it, comma-separated, as MODEL or as MODEL=NAME with its name on the server."""
    openai_token: Secret | None = None
    """Bearer token for it."""
    chat_model: str | None = None
    """Name on that server of the model that writes captions and judges; unset: neither."""
    chat_timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 20.0
    """Most time for all that it is asked about one video; the video's deadline may end it earlier."""
    chat_pictures: Annotated[int, Meta(ge=1, le=16)] = 4
    """Most pictures of one video that it is shown."""
    captions_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """Share of videos that get a caption, by a hash of the id; 0: none."""
    captioned_videos: Literal["all", "untitled"] = "all"
    """Videos that the share is of; `untitled`: those whose title and description have fewer than three words."""
    model_server_hosts: tuple[str, ...] = ()
    """Hosts to which users' pictures, sound and texts may be sent, comma-separated; none by default."""
    model_server_ca_file: Path | None = None
    """PEM file of certificate authorities for model servers; if unset, the machine's authorities are trusted."""
    model_server_requests: Annotated[int, Meta(ge=1, le=256)] = 16
    """Requests to a model server in flight in one worker."""
    model_server_timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Time limit of a request to a model server; the deadline of a video may end it earlier."""
    torch_threads: Annotated[int, Meta(ge=1, le=64)] = max(1, min(4, os.cpu_count() or 1))
    """Threads of one model on a CPU; they wait without spinning."""
    max_concurrent_videos: Annotated[int, Meta(ge=1, le=256)] = 8
    """Videos in flight in one worker's media role."""
    backfill_max_concurrent_videos: Annotated[int, Meta(ge=1, le=256)] = 2
    """Videos in flight in one worker's backfill role."""
    backfill_max_live_videos: Annotated[int, Meta(ge=0, le=256)] = 0
    """Backfill starts videos while at most this number of live videos is in flight in the same worker."""
    creator_live_uploads_per_minute: Annotated[int, Meta(ge=0)] | None = None
    """Live uploads of one creator that a worker analyses at once in a minute; the backfill role gets the others. 0 is
    unlimited; unset is 15 for each decoder process, at least 30, in a worker that has the backfill role, too, and
    unlimited in others."""
    decode_processes: Annotated[int, Meta(ge=1, le=64)] = max(1, min(8, os.cpu_count() or 1))
    """Decoder processes; each decodes one video at a time."""
    decode_timeout_seconds: Annotated[float, Meta(gt=0)] = 120.0
    decode_memory_bytes: Annotated[int, Meta(ge=256 * 1024**2)] = 3 * 1024**3

    default_deadline_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = 600.0
    backfill_deadline_seconds: Annotated[float, Meta(gt=0, le=7 * _DAY_SECONDS)] = 7 * _DAY_SECONDS
    """The same for uploads with backfill priority."""
    drain_timeout_seconds: Annotated[float, Meta(gt=0, lt=60)] = 15.0
    topic_retention_uploaded_seconds: Annotated[int, Meta(ge=3_600)] = 7 * 86_400
    """Retention of uploads, as `topics create` configures it."""
    topic_retention_signals_seconds: Annotated[int, Meta(ge=7 * 86_400)] = 14 * 86_400
    """The same for facts; longer than the longest deadline."""
    topic_retention_engagement_seconds: Annotated[int, Meta(ge=3_600)] = 7 * 86_400
    topic_retention_dead_letter_seconds: Annotated[int, Meta(ge=3_600)] = 28 * 86_400
    refusal_retention_seconds: Annotated[float, Meta(ge=3_600)] = 7 * _DAY_SECONDS
    """How long a video's refusals stay in Redis after the last one; at most as long as dead letters."""
    max_refused_videos: Annotated[int, Meta(ge=1)] = 50_000
    """Number of videos whose refusals stay in Redis; above it the oldest are dropped."""
    video_retention_seconds: Annotated[int, Meta(ge=0)] = 0
    """How long a video is kept after its last outcome, in Redis and compacted topics; 0 is unlimited."""
    claim_ttl_seconds: Annotated[float, Meta(ge=_DAY_SECONDS)] = 15 * _DAY_SECONDS
    """How long claims are kept; at least as long as uploads and facts."""
    recognised_text_retention_seconds: Annotated[int, Meta(ge=0)] = 0
    """How long transcripts of speech and text in pictures are kept in Redis; 0: they are not kept at all."""
    deletion_marker_ttl_seconds: Annotated[float, Meta(ge=_DAY_SECONDS)] = 35 * _DAY_SECONDS
    """How long late facts of a deleted video are ignored; longer than the retention of any topic."""
    audit_interval_seconds: Annotated[float, Meta(ge=0)] = 6 * 3_600.0
    """Time between two background audits of topics and store by one of the workers; 0 disables them."""
    tombstone_repeat_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """Time after a deletion until its tombstones are written again; longer than the longest drain."""
    device_fault_attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    dead_letter_limit: Annotated[int, Meta(ge=0)] = 20
    """Dead letters by internal faults within the window, after which a role pauses; 0 is unlimited."""
    dead_letter_limit_window_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """How long such a dead letter counts; dead letters by senders' faults never count."""

    engagement_summary_interval_seconds: Annotated[float, Meta(ge=1, le=_DAY_SECONDS)] = 60.0
    """Shortest time between two summaries of a video in the log; reports are published sooner."""
    engagement_retention_seconds: Annotated[float, Meta(ge=3_600)] = 60 * _DAY_SECONDS
    """How long a video's engagement is kept after its last event."""
    engagement_unknown_video_ttl_seconds: Annotated[float, Meta(ge=60)] = _DAY_SECONDS
    """The same for a video whose upload is unknown."""

    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    """Port of the Prometheus endpoint on loopback; 0 selects a free port; unset disables it."""
    metrics_host: str = "127.0.0.1"
    health_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None
    """Port of /livez and /readyz; 0 selects a free port; unset disables them."""
    health_host: str = "127.0.0.1"
    undelivered_unready_seconds: Annotated[float, Meta(ge=3)] = 30.0
    """A role is not ready after records wait for this time, it has capacity, and none is delivered."""
    undelivered_exit_seconds: Annotated[float, Meta(ge=3)] = 60.0
    """The same condition, until the worker exits; doubled with each such exit, up to four times."""
    stall_timeout_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """The worker exits if no event finishes for this time while one exceeds its limit; longer than any event takes."""
    event_loop_timeout_seconds: Annotated[float, Meta(ge=2)] = 60.0
    """How long the event loop may be blocked before the worker exits."""
    slow_event_seconds: Annotated[float, Meta(gt=0)] = 300.0
    """An event that takes longer is named in the log and counted."""
    traces_endpoint: Annotated[str, Meta(pattern=r"^https?://[^/\s]+")] | None = None
    """Address of an OTLP/HTTP collector; unset disables tracing."""
    traces_sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Share of traces that is kept, by trace id; a trace that its producer does not sample is never kept."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    usd_per_cpu_hour: Annotated[float, Meta(ge=0)] = 0.0425
    """Price of one busy core for an hour."""
    usd_per_device_hour: Annotated[float, Meta(ge=0)] = 0.0
    """Price of a busy accelerator for an hour, without its host; 0 on cpu, where the device is a core."""
    usd_per_million_input_tokens: Annotated[float, Meta(ge=0)] = 0.0
    """Price of a million tokens that a language model on a server reads; its own energy is not known."""
    usd_per_million_output_tokens: Annotated[float, Meta(ge=0)] = 0.0
    """The same for tokens that it writes."""
    watts_per_cpu_core: Annotated[float, Meta(ge=0)] = 8.0
    """Power of one busy core."""
    watts_per_device: Annotated[float, Meta(ge=0)] = 0.0
    """Power of a busy accelerator; 0 on cpu."""

    def __post_init__(self) -> None:
        problems = [
            *connection_problems(self),
            *retention_problems(self),
            *engine_problems(self.engines),
            *server_problems(self),
        ]
        if problems:
            raise ValueError("\n".join(problems))


def secret_names() -> tuple[str, ...]:
    """Settings whose values are never shown."""
    return tuple(field.name for field in _fields() if "Secret" in str(field.type))


@cache
def _fields() -> tuple[FieldInfo, ...]:
    """All settings with their types, which take two milliseconds to evaluate."""
    return fields(Settings)


def read_settings(**overrides: object) -> Settings:
    """Read and validate all settings; `overrides` come from the command line.

    The labels of `label_folders` belong to the taxonomy of this process from then on.

    The order of precedence is: arguments, environment, secret files, TOML file.

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
    settings = _validated(given, path)
    try:
        add_labels(read_added_labels(settings.label_folders))
    except InvalidLabels as error:
        raise InvalidSettings(f"setting label_folders (environment {PREFIX}LABEL_FOLDERS): {error}") from error
    return settings


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
    """Return the variables of settings, in any case; other variables with our prefix are ignored."""
    found = {name.upper(): value for name, value in os.environ.items()}
    names = {f"{PREFIX}{name.upper()}": name for name in _known_names()}
    return {names[variable]: found[variable] for variable in names.keys() & found.keys()}


def _validated(given: dict[str, Any], path: Path) -> Settings:
    values, problems = {}, [_unknown(name, path) for name in given if name not in Settings.__struct_fields__]
    for field in _fields():
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
