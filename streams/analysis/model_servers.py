"""The model servers of a worker, by its settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from models.card import Card
from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import open_backend
from operators.inference.placement import ServerPlace, check_servers
from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.remote.server_watch import ServerWatch
from streams.config.secret import Secret
from streams.config.server_words import KSERVE_SCHEMES, OPENAI_SCHEMES, names_on_server
from streams.config.settings import Settings


def server_places(
    settings: Settings, config: BackendConfig, cards: Iterable[Card], watch: ServerWatch
) -> tuple[ServerPlace, ...]:
    """Return the servers that run some of the models; no connection is opened yet.

    Raises:
        ModeUnavailable: the settings name a model that does not run in this worker.
        CardInvalid: a card excludes the server.
    """
    # The preferred precision is that of this machine's device; a server computes as it was set up.
    shared = replace(config, precision="auto", inputs=ReferenceInputs(settings.cache_dir / FILE_NAME))
    places = []
    if settings.kserve_models:
        options = _options(
            settings, settings.kserve_url, settings.kserve_models, settings.kserve_token, KSERVE_SCHEMES, watch
        )
        places.append(_place("kserve", options, shared))
    if settings.openai_models:
        places.append(_place("openai", openai_options(settings, watch), shared))
    check_servers(cards, places)
    return tuple(places)


def openai_options(settings: Settings, watch: ServerWatch) -> ServerOptions:
    """Return the options of the server of chat completions, whose address is set."""
    return _options(settings, settings.openai_url, settings.openai_models, settings.openai_token, OPENAI_SCHEMES, watch)


def _place(name: str, options: ServerOptions, config: BackendConfig) -> ServerPlace:
    origin = options.endpoint.origin
    return ServerPlace(
        name,
        frozenset(options.models),
        partial(open_backend, name, replace(config, server=options)),
        origin,
        partial(options.watch.is_unavailable, origin),
    )


def _options(
    settings: Settings,
    url: str | None,
    models: tuple[str, ...],
    token: Secret | None,
    schemes: tuple[str, ...],
    watch: ServerWatch,
) -> ServerOptions:
    return ServerOptions(
        endpoint=parse_endpoint(url or "", schemes),
        allowed_hosts=settings.model_server_hosts,
        models=names_on_server(models),
        token="" if token is None else token.get_secret_value(),
        ca_file=settings.model_server_ca_file,
        max_requests=settings.model_server_requests,
        timeout_seconds=settings.model_server_timeout_seconds,
        watch=watch,
    )
