"""Checks the settings of model servers: where they are, what runs there, and whether users' media may be sent there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

KSERVE_SCHEMES: Final = ("http", "https", "grpc", "grpcs")
OPENAI_SCHEMES: Final = ("http", "https")


class ServerSettings(Protocol):
    """Those settings that are checked here."""

    @property
    def kserve_url(self) -> str | None:
        """See `Settings`."""

    @property
    def kserve_models(self) -> tuple[str, ...]:
        """See `Settings`."""

    @property
    def openai_url(self) -> str | None:
        """See `Settings`."""

    @property
    def openai_models(self) -> tuple[str, ...]:
        """See `Settings`."""

    @property
    def chat_model(self) -> str | None:
        """See `Settings`."""

    @property
    def captions_ratio(self) -> float:
        """See `Settings`."""

    @property
    def model_server_hosts(self) -> tuple[str, ...]:
        """See `Settings`."""


def server_problems(settings: ServerSettings) -> Iterator[str]:
    """Yield a line for each contradiction."""
    yield from _problems("kserve", settings.kserve_url, settings.kserve_models, KSERVE_SCHEMES, settings)
    yield from _problems("openai", settings.openai_url, settings.openai_models, OPENAI_SCHEMES, settings)
    yield from _chat_problems(settings)


def _chat_problems(settings: ServerSettings) -> Iterator[str]:
    name = settings.chat_model
    if name is not None and (not name.strip() or not name.isprintable()):
        yield f"chat_model (environment VIDSIGNAL_CHAT_MODEL) is {name!r}; allowed is the name of a model on its server"
    elif name is not None and settings.openai_url is None:
        yield (f"chat_model (environment VIDSIGNAL_CHAT_MODEL) is {name!r} without a server; set VIDSIGNAL_OPENAI_URL")
    if name is None and settings.captions_ratio > 0:
        yield (
            f"captions_ratio (environment VIDSIGNAL_CAPTIONS_RATIO) is {settings.captions_ratio:g} without a model that"
            " writes captions; set VIDSIGNAL_CHAT_MODEL"
        )


def _problems(
    name: str, url: str | None, models: Sequence[str], schemes: Sequence[str], settings: ServerSettings
) -> Iterator[str]:
    if url is None:
        if models:
            yield (
                f"{name}_models (environment VIDSIGNAL_{name.upper()}_MODELS) is {list(models)} without an address;"
                f" set VIDSIGNAL_{name.upper()}_URL"
            )
        return
    from operators.inference.remote.endpoint import EndpointRefused, parse_endpoint, require_permitted

    try:
        require_permitted(parse_endpoint(url, schemes), settings.model_server_hosts)
    except EndpointRefused as error:
        yield f"{name}_url (environment VIDSIGNAL_{name.upper()}_URL): {error}"
    try:
        names_on_server(models)
    except ValueError as error:
        yield f"{name}_models (environment VIDSIGNAL_{name.upper()}_MODELS): {error}"


def names_on_server(words: Sequence[str]) -> Mapping[str, str]:
    """Return the name on the server by name of the model, from words such as `yamnet` and `opennsfw=nsfw-v2`.

    Raises:
        ValueError: a word is none of these, or names a model again.
    """
    found: dict[str, str] = {}
    for word in words:
        model, equals, name = word.partition("=")
        if not model or (equals and not name) or model in found:
            raise ValueError(f"{word!r} is not allowed; allowed is MODEL or MODEL=NAME, each model once")
        found[model] = name or model
    return found
