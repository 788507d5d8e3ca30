"""Opens the engine of a process: what is opened from which settings, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from models.card import Card
from models.card_files import verify_card
from models.text_pieces import TextPieces, read_tokenizers
from models.text_reading import TextReaders, load_text_readers
from operators.class_names import ClassNames, load_class_names
from operators.context.prototypes import Prototypes
from operators.context.text_models import TextModels, load_text_models
from operators.errors import Overloaded, ServerUnavailable
from operators.inference.backend_registry import device_identity, open_backend, open_device_energy
from operators.inference.cpu_probe import CpuCapabilities
from operators.inference.inference import Inference
from operators.inference.operating_points import OperatingPoints
from operators.inference.placement import check_devices, host_opener
from operators.media.limits import DecodeLimits
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.session import MediaOpener
from operators.media.shared_sessions import MediaSessions
from operators.media.sources.limits import FetchLimits
from operators.media.sources.source_registry import SourceAccess, SourceOpener
from operators.media.sources.spool import Spool
from operators.native_threads import hold_to_one_thread
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.host_threads import ThreadedHost
from streams.analysis.backend_config import backend_config, device_of
from streams.analysis.chat_opening import chat_fingerprint, open_chat
from streams.analysis.engine import BackfillParts, Engine, EngineOptions
from streams.analysis.engine_account import CountedParts, open_engine_account
from streams.analysis.model_servers import server_places
from streams.analysis.prototype_vectors import AwaitedPrototypes, open_prototypes
from streams.analysis.prototypes_file import load_prototypes
from streams.analysis.provenance import LiveProvenance, provenance_of
from streams.analysis.server_health import WatchedServers
from streams.analysis.source_health import WatchedOpener
from streams.analysis.speech_opening import SpeechModels, find_speech_models, open_speech
from streams.config.running_models import running_cards
from streams.config.server_words import names_on_server
from streams.config.settings import Settings
from streams.delivery.breaker import Breakers
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.private_cache import private_cache

_LOWEST_PRIORITY = 19
"""Niceness of backfill decoders; they use only CPU time that no other process needs."""
_BACKFILL_TIMEOUT_FACTOR = 10
"""Factor on the wall-clock limit of backfill decodes, which get only idle CPU time; their CPU limit is unchanged."""


async def open_engine(
    settings: Settings, capabilities: CpuCapabilities, options: EngineOptions | None = None
) -> Engine:
    """Start decoders, and load, compile and warm up every model; the process must have been prepared before.

    Raises:
        WeightsMissing, WeightsCorrupt: the cache lacks what the cards name.
        CardInvalid: the card of an added model is wrong, or the model is not what it says.
        ModeUnavailable: the settings leave a model no engine or precision that this machine has.
        InvalidPrototypes: the file of prototypes is wrong.
        DeviceFault: the device cannot take a model.
        DecoderLost: a decoder process does not start.
    """
    options = options or EngineOptions()
    plan_policy = replace(options.plan_policy, max_text_pictures=settings.text_pictures)
    options = replace(options, plan_policy=plan_policy)
    hold_to_one_thread()
    cards, examples = running_cards(settings), load_prototypes(settings.prototypes_file)
    device = device_of(settings)
    on_servers = {**names_on_server(settings.kserve_models), **names_on_server(settings.openai_models)}
    check_devices((card for card in batched_cards(cards) if card.name not in on_servers), device)
    breakers, speech_models = Breakers(SystemClock()), find_speech_models(settings, cards, device)
    async with AsyncExitStack() as opening:
        pool = await _open_pool(settings, options, opening)
        # Concurrently: the models occupy the device's thread, which releases the interpreter lock.
        inference, (text, class_names, readers, pieces) = await asyncio.gather(
            _open_inference(settings, capabilities, device, options, cards, breakers, speech_models, opening),
            asyncio.to_thread(_load_host_models, settings, options, cards),
        )
        prototypes = await _open_prototypes(settings, options, examples, inference, text)
        media = WatchedOpener(_open_sources(settings, opening), breakers)
        host = ThreadedHost(settings.decode_processes)
        opening.callback(host.close)
        sessions = MediaSessions(pool, media, options.plan_policy, options.tracer)
        backfill = _open_backfill(settings, options, media, opening)
        speech = open_speech(settings, speech_models, opening)
        hosts = (host, backfill.host, *((speech.host,) if speech else ()))
        chat = open_chat(settings, breakers, opening)
        counted = CountedParts(inference, hosts, (sessions, backfill.sessions), options.parent_id)
        return Engine(
            device=device,
            sessions=sessions,
            media=media,
            breakers=breakers,
            inference=inference,
            host=host,
            text=text,
            class_names=class_names,
            cards=cards,
            prototypes=prototypes,
            readers=readers,
            pieces=pieces,
            _provenance=_provenance(
                inference,
                cards,
                options.plan_policy,
                settings,
                prototypes=examples,
                speech=speech.how if speech else "",
                chat=chat_fingerprint(chat),
            ),
            speech=speech.parts if speech else None,
            chat=chat,
            backfill=backfill,
            account=open_engine_account(counted, options.cpu_observer, open_device_energy(device)),
            _open_parts=opening.pop_all(),
        )


async def _open_prototypes(
    settings: Settings, options: EngineOptions, examples: Prototypes, inference: Inference, text: TextModels
) -> AwaitedPrototypes | None:
    if options.load_module is not None:
        return None
    kept = private_cache(settings)
    found = AwaitedPrototypes(examples, lambda: open_prototypes(examples, inference, text.sentence_tokens, kept))
    with suppress(ServerUnavailable, Overloaded):  # each event that needs them tries again
        await found.open()
    return found


def _load_host_models(
    settings: Settings, options: EngineOptions, cards: Mapping[str, Card]
) -> tuple[TextModels, ClassNames, TextReaders | None, dict[str, TextPieces]]:
    text = load_text_models(settings.cache_dir, private_cache(settings))
    is_read = bool(settings.text_pictures) and options.load_module is None
    readers = load_text_readers(settings.cache_dir) if is_read else None
    return text, load_class_names(settings.cache_dir), readers, read_tokenizers(cards)


FETCHED_BLOCK_BYTES = 256 * 1024


MAX_READ_AHEAD_BYTES = 512 * 1024
"""Small enough that a keyframe sample fetches little else: blocks of 1 MiB fetch a third more of a long video."""


def _open_sources(settings: Settings, opening: AsyncExitStack) -> SourceOpener:
    access = SourceAccess(
        roots=settings.media_roots,
        allowed_networks=settings.allowed_private_networks,
        object_prefixes=settings.object_prefixes,
    )
    limits = FetchLimits(
        max_bytes=settings.max_media_bytes,
        connect_seconds=settings.source_connect_timeout_seconds,
        grace_seconds=settings.source_request_timeout_seconds,
        min_bytes_per_second=settings.source_min_bytes_per_second,
        block_bytes=FETCHED_BLOCK_BYTES,
        max_read_ahead_bytes=MAX_READ_AHEAD_BYTES,
    )
    spool = Spool(settings.spool_dir or settings.cache_dir / "spool", settings.spool_max_bytes)
    opener = SourceOpener(access, spool, limits)
    opening.push_async_callback(opener.aclose)
    return opener


def _open_backfill(
    settings: Settings, options: EngineOptions, media: MediaOpener, opening: AsyncExitStack
) -> BackfillParts:
    limits = replace(_limits(settings), wall_seconds=_BACKFILL_TIMEOUT_FACTOR * settings.decode_timeout_seconds)
    pool = DecoderPool(
        1, limits, observer=options.decode_observer, command=options.decoder_command, niceness=_LOWEST_PRIORITY
    )
    opening.push_async_callback(pool.close)
    host = ThreadedHost(1)
    opening.callback(host.close)
    return BackfillParts(MediaSessions(pool, media, options.plan_policy), host)


def _limits(settings: Settings) -> DecodeLimits:
    return DecodeLimits(
        wall_seconds=settings.decode_timeout_seconds,
        cpu_seconds=int(settings.decode_timeout_seconds),
        memory_bytes=settings.decode_memory_bytes,
    )


async def _open_pool(settings: Settings, options: EngineOptions, opening: AsyncExitStack) -> DecoderPool:
    limits = _limits(settings)
    pool = DecoderPool(
        settings.decode_processes,
        limits,
        observer=options.decode_observer,
        command=options.decoder_command,
        tracer=options.tracer,
    )
    await pool.open()
    opening.push_async_callback(pool.close)
    return pool


async def _open_inference(
    settings: Settings,
    capabilities: CpuCapabilities,
    device: str,
    options: EngineOptions,
    running: Mapping[str, Card],
    breakers: Breakers,
    speech: SpeechModels | None,
    opening: AsyncExitStack,
) -> Inference:
    kept = None if options.load_module else private_cache(settings)
    config = await asyncio.to_thread(backend_config, settings, capabilities, kept)
    config.limits.require_known(running)
    cards = batched_cards(running)
    await asyncio.to_thread(_require_weights, cards, settings)
    servers = server_places(settings, config, cards, WatchedServers(breakers))
    encoders, speech_places = (speech.cards, speech.places) if speech else ((), ())
    inference = await Inference.open(
        (*cards, *encoders),
        partial(_build, options, settings),
        open_backend(device, config),
        open_host=host_opener(device, config, open_backend),
        servers=(*servers, *speech_places),
        points=None if options.load_module else operating_points(settings, device),
        observer=options.inference_observer(device),
        tracer=options.tracer,
    )
    opening.push_async_callback(inference.close)
    return inference


def operating_points(settings: Settings, device: str) -> OperatingPoints:
    """Return what `vidsignal models bench` measured for this process' device and number of threads."""
    return OperatingPoints(private_cache(settings), device_identity(device), settings.torch_threads)


def _require_weights(cards: Iterable[Card], settings: Settings) -> None:
    """Check all weights; a worker reads none of them if its compiled models are cached."""
    for card in cards:
        verify_card(card, settings.cache_dir)


def _build(options: EngineOptions, settings: Settings, card: Card) -> Any:
    if options.load_module is not None:
        return options.load_module(card, settings)
    from models.loaders import load_module  # readers of many formats, which a cached model does not need

    return load_module(card, settings.cache_dir)


def batched_cards(cards: Mapping[str, Card]) -> tuple[Card, ...]:
    """Return the cards of the models that run on a device."""
    return tuple(card for card in cards.values() if card.batch_sizes)


def _provenance(
    inference: Inference, cards: Mapping[str, Card], policy: PlanPolicy, settings: Settings, **parts: Any
) -> LiveProvenance:
    return LiveProvenance(
        lambda: {card.name: inference.how(card.name) for card in batched_cards(cards)},
        lambda modes: {
            modality: provenance_of(agent, cards, modes, policy, settings.models_generation, **parts)
            for modality, agent in AGENTS.items()
        },
    )
