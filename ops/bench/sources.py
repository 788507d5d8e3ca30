"""`bench sources`: a long video from an object store, fetched while it is read, compared with a download first."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from ops.assets import fetch_samples, fetch_weights, samples_dir
from ops.bench.long_clip import LONG_SECONDS, make_long_clip
from ops.bench.machine import describe_machine
from ops.bench.options import BenchOptions
from ops.bench.report import BenchReport, Bound, Figure, summarise
from ops.bench.slow_link import SlowLink
from ops.local.file_store import FileStore
from ops.local.scratch import scratch_dir
from schemas.uploads import ObjectSource, VideoUploaded
from streams.config.settings import Settings, read_settings

if TYPE_CHECKING:
    from operators.media.session import MediaSession
    from streams.analysis.agents.analysis import Agent, Analysis
    from streams.analysis.engine import Engine

LINK_BITS_PER_SECOND: Final = 100e6
LINK_DELAY_SECONDS: Final = 0.02
ROUNDS: Final = 5
"""Rounds after the first, which is dropped."""
QUICK_ROUNDS: Final = 2
_BUCKET: Final = "bench"
SHARE_BOUND: Final = Bound("at most", 0.35)
SPEED_BOUND: Final = Bound("at least", 1.5)


@dataclass(frozen=True, slots=True)
class Walk:
    """One analysis of one video."""

    first_seconds: float
    """Until the first signal that needs the media."""
    all_seconds: float
    bytes_read: int


@dataclass(frozen=True, slots=True)
class ServedClip:
    """A long video in the store."""

    name: str
    url: str
    size_bytes: int
    sha256: str


def bench_sources(options: BenchOptions) -> BenchReport:
    """Measure; about six minutes, or under three with `is_quick`."""
    cache_dir = read_settings().cache_dir
    fetch_weights(cache_dir)
    fetch_samples(cache_dir)
    with ExitStack() as opened:
        folder = opened.enter_context(scratch_dir())
        clips = _clips(cache_dir, options)
        store = opened.enter_context(FileStore(cache_dir / "bench", _BUCKET))
        link = opened.enter_context(SlowLink(store.port, LINK_BITS_PER_SECOND, LINK_DELAY_SECONDS))
        opened.enter_context(_reached_by(store, link))
        settings = read_settings(object_prefixes=f"s3://{_BUCKET}/", spool_dir=folder / "spool", device="cpu")
        return asyncio.run(_measure(settings, clips, options))


def _clips(cache_dir: Path, options: BenchOptions) -> tuple[ServedClip, ServedClip]:
    """With the index at the end, and at the front."""
    options.say("making the long clips, once ...")
    found = []
    for place, is_first in (("end", False), ("front", True)):
        path = make_long_clip(
            samples_dir(cache_dir) / "bigbuckbunny.mp4",
            cache_dir / "bench" / f"long-index-at-{place}.mp4",
            is_index_first=is_first,
        )
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        url = f"s3://{_BUCKET}/{path.name}"
        found.append(ServedClip(f"index at the {place}", url, path.stat().st_size, sha256))
    return found[0], found[1]


@contextmanager
def _reached_by(store: FileStore, link: SlowLink) -> Iterator[None]:
    """Let S3 clients of this process use the store behind the link."""
    addressed = {**store.environment(), "AWS_ENDPOINT": link.base_url, "AWS_ENDPOINT_URL": link.base_url}
    before = {name: os.environ.get(name) for name in addressed}
    os.environ.update(addressed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def _measure(settings: Settings, clips: tuple[ServedClip, ServedClip], options: BenchOptions) -> BenchReport:
    options.say("loading models ...")
    async with _engine(settings) as engine:
        fetched, downloaded = await _alternate(engine, clips[0], options)
        front = await _walk(engine, clips[1], "front", is_downloaded_first=False)
    return BenchReport(
        bench="sources",
        machine=describe_machine(),
        figures=_figures(clips, fetched, downloaded, front),
        competitors={"fetched as it is read": _describe(fetched), "downloaded first": _describe(downloaded)},
        remarks=(
            f"one video of {LONG_SECONDS:g} s and {clips[0].size_bytes / 1e6:.0f} MB, H.264 with AAC in MP4, "
            f"out of a local S3 server; link: {LINK_BITS_PER_SECOND / 1e6:g} Mbit/s, {LINK_DELAY_SECONDS * 1000:g} ms",
            "downloaded first: the same walk with a SHA-256 in the event, so that the whole object is there, "
            "and hashed, before anything is decoded",
            "contenders take turns; the first round is dropped; timings are of the variant with its index at the end",
            "both hear a minute of sound and decode the same pictures; a signal is an agent's analysis",
        ),
    )


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine]:
    from streams.lifecycle.process_setup import prepare_process

    capabilities = prepare_process(settings)
    from streams.analysis.engine import PLAN_POLICY, EngineOptions  # torch comes with it: not before that
    from streams.analysis.engine_opening import open_engine  # torch comes with it: not before that

    same_sound = replace(PLAN_POLICY, max_audio_seconds=PLAN_POLICY.max_remote_audio_seconds)
    engine = await open_engine(settings, capabilities, EngineOptions(plan_policy=same_sound))
    try:
        yield engine
    finally:
        await engine.close()


async def _alternate(engine: Engine, clip: ServedClip, options: BenchOptions) -> tuple[list[Walk], list[Walk]]:
    fetched: list[Walk] = []
    downloaded: list[Walk] = []
    for number in range(1 + (QUICK_ROUNDS if options.is_quick else ROUNDS)):
        for walks, is_downloaded_first in ((fetched, False), (downloaded, True)):
            walk = await _walk(engine, clip, f"round-{number}", is_downloaded_first=is_downloaded_first)
            options.say(
                f"round {number}: {'downloaded first' if is_downloaded_first else 'fetched as it is read'}: first "
                f"signal after {walk.first_seconds:.1f} s, all after {walk.all_seconds:.1f} s, "
                f"{walk.bytes_read / clip.size_bytes:.0%} read" + ("" if number else " (dropped)")
            )
            if number:
                walks.append(walk)
    return fetched, downloaded


async def _walk(engine: Engine, clip: ServedClip, video_id: str, *, is_downloaded_first: bool) -> Walk:
    from streams.analysis.agents.agent_registry import AGENTS

    source = ObjectSource(url=clip.url, sha256=clip.sha256 if is_downloaded_first else None)
    upload = VideoUploaded(video_id=video_id, source=source)
    began = monotonic()
    async with engine.sessions.open(video_id, source) as session:
        agents = [agent for agent in AGENTS.values() if agent.needs_media]
        answers = [asyncio.ensure_future(_analyse(engine, upload, session, agent)) for agent in agents]
        await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
        first_seconds = monotonic() - began
        await asyncio.gather(*answers)
        receipt = await session.receipt()
    return Walk(first_seconds, monotonic() - began, receipt.bytes_read)


async def _analyse(engine: Engine, upload: VideoUploaded, session: MediaSession, agent: Agent) -> Analysis:
    from operators.inference.request_context import RequestContext

    work = engine.work(upload, 0.0, session, RequestContext(upload.video_id, upload.lane, float("inf")))
    return await agent.analyse(work)


def _figures(
    clips: tuple[ServedClip, ServedClip], fetched: list[Walk], downloaded: list[Walk], front: Walk
) -> tuple[Figure, ...]:
    at_end, at_front = clips
    return (
        summarise("bytes read, index at the end", _shares(fetched, at_end), "of the object", SHARE_BOUND),
        Figure("bytes read, index at the front", front.bytes_read / at_front.size_bytes, "of the object", SHARE_BOUND),
        summarise(
            "first signal, sooner than downloaded first",
            [b.first_seconds / a.first_seconds for a, b in zip(fetched, downloaded, strict=True)],
            "ratio",
            SPEED_BOUND,
        ),
        summarise("first signal, fetched as it is read", [walk.first_seconds for walk in fetched], "s"),
        summarise("first signal, downloaded first", [walk.first_seconds for walk in downloaded], "s"),
        summarise("all signals, fetched as it is read", [walk.all_seconds for walk in fetched], "s"),
        summarise("all signals, downloaded first", [walk.all_seconds for walk in downloaded], "s"),
    )


def _shares(walks: list[Walk], clip: ServedClip) -> list[float]:
    return [walk.bytes_read / clip.size_bytes for walk in walks]


def _describe(walks: list[Walk]) -> dict[str, Any]:
    return {
        "runs": [
            {"first_seconds": walk.first_seconds, "all_seconds": walk.all_seconds, "bytes_read": walk.bytes_read}
            for walk in walks
        ],
        "median_first_seconds": median(walk.first_seconds for walk in walks),
    }
