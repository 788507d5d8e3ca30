"""Media that is fetched: from web origins and object stores, good and bad, through a real worker, Kafka and Redis.

All cases are published in one go; half of them wait for an origin that is dead, or for a store that refuses our token,
until the others are through. The only addresses that URLs may lead to are those of the local origins; the worker's
grace is short, so that an origin that trickles is found out soon, and its spool holds no more than a few clips.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from aiohttp import web

from ops.local.metrics_page import MetricsPage, read_metrics
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.dead_letters import DeadLetter
from schemas.facts import Signal
from schemas.identity import MODALITIES
from schemas.outcomes import Verdict
from schemas.uploads import MediaSource, ObjectSource, UrlSource, VideoUploaded
from tests.pipeline import Pipeline, await_value
from tests.support.certificates import Authority
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.support.object_store import ObjectStore, S3Fault
from tests.support.tls_proxy import TlsProxy

pytestmark = pytest.mark.slow

_MEDIA = {"frames", "audio", "motion"}
_SPOOL_BYTES = 3 * 2**20
_MAX_BYTES = 2 * 2**20
_TIMEOUT_SECONDS = 360.0
_EXPIRED = S3Fault("ExpiredToken", 400)
_NO_RANGES = Behaviour(accepts_ranges=False)


class Origin(HttpOrigin):
    """Puts another object in place of `/changing.mp4` as soon as its beginning was read."""

    other: bytes = b""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await super().answer(request)
        if request.path == "/changing.mp4":
            self.put("/changing.mp4", self.other)
        return response


@dataclass(frozen=True)
class Places:
    """Where media may lie."""

    origin: Origin
    tls: TlsProxy
    """The origin, under https."""
    dying: HttpOrigin
    """Dead until told otherwise."""
    store: ObjectStore
    private: socket.socket
    """Listens on an address that URLs must not lead to."""
    clip: Path
    """0.5 MB, its index at the end."""
    large_clip: Path
    """1 MB: the spool has room for two or three."""

    def url(self, name: str, behaviour: Behaviour | None = None) -> str:
        """The clip, by the origin that lives."""
        return self.origin.put(f"/{name}.mp4", self.clip, behaviour or Behaviour())

    @property
    def private_address(self) -> str:
        """`host:port` where nobody may go."""
        return f"127.0.0.2:{self.private.getsockname()[1]}"


Make = Callable[[Places, str], MediaSource]


def _served(behaviour: Behaviour) -> Make:
    """The large clip, by an origin that behaves so."""
    return lambda places, name: UrlSource(url=places.origin.put(f"/{name}.mp4", places.large_clip, behaviour))


def _sha256(places: Places) -> str:
    return hashlib.sha256(places.clip.read_bytes()).hexdigest()


def _https(places: Places, name: str) -> MediaSource:
    places.url(name)
    return UrlSource(url=f"https://{places.tls.address}/{name}.mp4")


def _moved(places: Places, name: str) -> MediaSource:
    places.url("target")
    return UrlSource(url=places.url(name, Behaviour(redirect_to="/target.mp4")))


def _stored(places: Places, name: str) -> MediaSource:
    url = places.store.put("uploads", f"day/{name}.mp4", places.clip)
    return ObjectSource(url=url, etag=places.store.etag("uploads", f"day/{name}.mp4"))


def _stored_and_checked(places: Places, name: str) -> MediaSource:
    return ObjectSource(url=places.store.put("uploads", f"{name}.mp4", places.clip), sha256=_sha256(places))


GOOD: Mapping[str, Make] = {
    "ranged": lambda places, name: UrlSource(url=f"{places.url(name)}?signature=SECRET"),
    "https": _https,
    "streamed": lambda places, name: UrlSource(url=places.url(name, _NO_RANGES)),
    "chunked": lambda places, name: UrlSource(
        url=places.url(name, Behaviour(accepts_ranges=False, has_length=False, etag=None))
    ),
    "moved": _moved,
    "checked": lambda places, name: UrlSource(
        url=places.url(name), sha256=_sha256(places), size_bytes=places.clip.stat().st_size
    ),
    "stored": _stored,
    "stored-and-checked": _stored_and_checked,
}
"""By video id, which names the case."""

CROWD: Mapping[str, Make] = {f"crowd-{number}": _served(Behaviour()) for number in range(8)}
"""Together more than twice what the spool holds."""


def _redirecting(places: Places, name: str) -> MediaSource:
    return UrlSource(url=places.url(name, Behaviour(redirect_to=f"http://{places.private_address}/clip.mp4")))


def _in_hex(places: Places, name: str) -> MediaSource:
    return UrlSource(url=f"http://{places.private_address}/{name}.mp4".replace("127.0.0.2", "0x7f000002"))


def _changing(places: Places, _name: str) -> MediaSource:
    places.origin.other = places.clip.read_bytes()
    return UrlSource(url=places.origin.put("/changing.mp4", places.large_clip))


def _other_object(places: Places, name: str) -> MediaSource:
    return ObjectSource(url=places.store.put("uploads", f"{name}.mp4", places.clip), etag='"another"')


BAD: Mapping[str, tuple[Make, str]] = {
    "redirected-to-a-private-address": (_redirecting, "media-address-refused"),
    "a-private-address": (
        lambda places, name: UrlSource(url=f"http://{places.private_address}/{name}.mp4"),
        "media-address-refused",
    ),
    "a-private-address-in-hex": (_in_hex, "media-address-refused"),
    "not-found": (_served(Behaviour(always_status=404)), "media-missing"),
    "forbidden": (_served(Behaviour(always_status=403)), "media-forbidden"),
    "a-short-body": (_served(Behaviour(body_bytes=20_000)), "media-size-mismatch"),
    "a-long-body": (_served(Behaviour(extra_bytes=2**20)), "media-size-mismatch"),
    "too-large": (_served(Behaviour(accepts_ranges=False, extra_bytes=2**21)), "media-too-large"),
    "an-endless-body": (_served(Behaviour(accepts_ranges=False, is_endless=True)), "media-too-large"),
    "one-byte-a-second": (_served(Behaviour(trickle_seconds=1.0)), "media-too-slow"),
    "one-byte-and-no-more": (_served(Behaviour(accepts_ranges=False, stall_after_bytes=1)), "media-too-slow"),
    "a-wrong-checksum": (
        lambda places, name: UrlSource(url=places.url(name), sha256="0" * 64),
        "media-checksum",
    ),
    "a-wrong-length": (lambda places, name: UrlSource(url=places.url(name), size_bytes=17), "media-size-mismatch"),
    "changed-while-it-is-read": (_changing, "media-changed"),
    "outside-the-prefixes": (
        lambda places, name: ObjectSource(url=places.store.put("secrets", f"{name}.mp4", places.clip)),
        "media-address-refused",
    ),
    "no-such-object": (lambda _places, name: ObjectSource(url=f"s3://uploads/{name}.mp4"), "media-missing"),
    "another-object-than-named": (_other_object, "media-changed"),
}
"""How it is made, and the cause of what becomes of it."""

UNKNOWN_SCHEMES = ("ftp://origin.example/clip.mp4", "file:///etc/passwd", "gopher://origin.example/clip.mp4")
"""Of events that intake refuses; their ids are `unknown-scheme-<number>`."""


def _dying(places: Places, name: str) -> MediaSource:
    return UrlSource(url=places.dying.put(f"/{name}.mp4", places.clip, Behaviour(always_status=503)))


def _expired(places: Places, name: str) -> MediaSource:
    places.store.refuse("expiring", _EXPIRED)
    return ObjectSource(url=places.store.put("expiring", f"{name}.mp4", places.clip))


UNAVAILABLE: Mapping[str, Make] = {
    **{f"dead-origin-{number}": _dying for number in range(6)},
    "expired-credentials": _expired,
}
"""More than there are slots."""
_NUM_SLOTS = 6


@dataclass(frozen=True)
class Aftermath:
    """What is in the topics after all cases."""

    places: Places
    log: str
    """All that the worker said."""
    meanwhile: MetricsPage
    """The worker's metrics while origins were unavailable."""
    heard_meanwhile: Sequence[Signal]
    metrics: MetricsPage
    verdicts: Mapping[str, Verdict]
    signals: Sequence[Signal]
    dead_letters: Sequence[DeadLetter]

    def causes(self, video_id: str) -> list[str]:
        """Of the video's dead letters."""
        return [dead_letter.cause for dead_letter in self.dead_letters if dead_letter.key == video_id.encode()]

    def modalities_of(self, video_id: str) -> list[str]:
        """Of the video's signals; one that was said twice is in it twice."""
        return sorted(signal.modality for signal in self.signals if signal.video_id == video_id)


@pytest.fixture(scope="module")
def aftermath(kafka: str, redis_server: RedisServer, samples: Path) -> Iterator[Aftermath]:
    """Publish all cases in one go; revive what is unavailable once the good ones are through; wait for the rest."""
    with ExitStack() as opened:
        folder = opened.enter_context(scratch_dir())
        authority = Authority(folder / "authority")
        origin = opened.enter_context(Origin())
        places = Places(
            origin,
            opened.enter_context(TlsProxy(f"127.0.0.1:{origin.port}", authority.issue("origin", hosts=("127.0.0.1",)))),
            opened.enter_context(HttpOrigin()),
            opened.enter_context(ObjectStore()),
            opened.enter_context(socket.create_server(("127.0.0.2", 0))),
            samples / "bikes.mp4",
            samples / "bigbuckbunny.mp4",
        )
        places.private.setblocking(False)
        pipeline = Pipeline.create(
            folder,
            bootstrap_servers=kafka,
            redis_url=redis_server.url,
            media_roots=[],
            allowed_private_networks="127.0.0.1/32",
            object_prefixes="s3://uploads/,s3://expiring/",
            spool_dir=str(folder / "spool"),
            spool_max_bytes=str(_SPOOL_BYTES),
            max_media_bytes=str(_MAX_BYTES),
            source_request_timeout_seconds="3",
            source_connect_timeout_seconds="2",
            max_concurrent_videos=str(_NUM_SLOTS),
            metrics_port="0",
        )
        opened.callback(pipeline.close)
        pipeline.environment |= places.store.environment() | {"SSL_CERT_FILE": str(authority.certificate_path)}
        yield _answered(pipeline, places)


def _answered(pipeline: Pipeline, places: Places) -> Aftermath:
    worker = pipeline.start_worker()
    bad = {name: make for name, (make, _) in BAD.items()}
    _publish(pipeline, places, {**UNAVAILABLE, **GOOD, **bad, **CROWD})
    pipeline.await_verdicts(GOOD, _TIMEOUT_SECONDS)
    meanwhile = _metrics_once_all_wait(worker.ready["metrics_port"])
    heard_meanwhile = _signals(pipeline)
    places.store.refuse("expiring", None)
    for name in UNAVAILABLE:
        places.dying.put(f"/{name}.mp4", places.clip)
    verdicts = pipeline.await_verdicts([*UNAVAILABLE, *GOOD, *bad, *CROWD], _TIMEOUT_SECONDS)
    pipeline.await_handled("intake", "media")  # every dead letter is written, and nothing is under way any more
    return Aftermath(
        places=places,
        log=worker.child.log_path.read_text(encoding="utf-8"),
        meanwhile=meanwhile,
        heard_meanwhile=heard_meanwhile,
        metrics=read_metrics(worker.ready["metrics_port"]),
        verdicts=verdicts,
        signals=_signals(pipeline),
        dead_letters=pipeline.dead_letters(),
    )


def _publish(pipeline: Pipeline, places: Places, cases: Mapping[str, Make]) -> None:
    for number, url in enumerate(UNKNOWN_SCHEMES):
        name = f"unknown-scheme-{number}"
        event = {"video_id": name, "source": {"kind": "url", "url": url}}
        pipeline.publish_bytes(json.dumps(event).encode(), key=name)
    pipeline.publish(
        *(
            VideoUploaded(video_id=name, source=make(places, name), title="A street in the sun")
            for name, make in cases.items()
        )
    )


def _metrics_once_all_wait(port: int) -> MetricsPage:
    """The page at a moment when all that is unavailable is deferred and nothing else is, its context was heard."""

    def all_wait() -> MetricsPage | None:
        is_deferred = _deferred(port) == UNAVAILABLE.keys()
        page = read_metrics(port)
        return page if is_deferred and page.total("vidsignal_deferred_events") == len(UNAVAILABLE) else None

    return await_value(all_wait, _TIMEOUT_SECONDS, lambda: f"deferred are {sorted(_deferred(port))}")


def _deferred(port: int) -> set[str]:
    """Videos whose agents all wait but for the context's, which is through."""
    with urlopen(f"http://127.0.0.1:{port}/slowest", timeout=30) as answer:
        events = json.loads(answer.read())
    return {event["video_id"] for event in events if event["agents"] == dict.fromkeys(_MEDIA, "deferred")}


def _signals(pipeline: Pipeline) -> list[Signal]:
    return [fact for fact in pipeline.facts() if isinstance(fact, Signal)]


class TestGoodSources:
    @pytest.mark.parametrize("case", GOOD)
    def test_is_analysed(self, aftermath: Aftermath, case: str) -> None:
        """With ranges, without, in chunks, under TLS, from a store, with a checksum: every modality has its signal."""
        modalities = aftermath.verdicts[case].modalities
        assert set(modalities.present) | set(modalities.absent) == set(MODALITIES)
        assert {"frames", "motion"} <= set(modalities.present)
        assert (modalities.failed, aftermath.causes(case)) == ({}, [])

    def test_bytes_are_counted(self, aftermath: Aftermath) -> None:
        """In the receipt and, by kind of source, in the metrics."""
        decodes = [signal.receipt.decode for signal in aftermath.signals if signal.video_id == "ranged"]
        size_bytes = aftermath.places.clip.stat().st_size
        assert {0 < decode.bytes_read <= size_bytes for decode in decodes if decode} == {True}
        for kind in ("url", "object"):
            assert aftermath.metrics.total("vidsignal_source_bytes_total", kind=kind) > size_bytes

    def test_signatures_are_not_logged(self, aftermath: Aftermath) -> None:
        """A query may be a signature; the path stands in the log, as that of what was refused."""
        assert "SECRET" not in aftermath.log
        assert "/not-found.mp4" in aftermath.log


class TestSmallSpool:
    @pytest.mark.parametrize("case", CROWD)
    def test_serves_many(self, aftermath: Aftermath, case: str) -> None:
        """What finds it full waits for room, and nothing is lost."""
        assert len(CROWD) * aftermath.places.large_clip.stat().st_size > 2 * _SPOOL_BYTES
        assert aftermath.verdicts[case].modalities.failed == {}
        assert aftermath.modalities_of(case) == sorted(MODALITIES)


class TestBadSources:
    @pytest.mark.parametrize("case", BAD)
    def test_costs_one_dead_letter(self, aftermath: Aftermath, case: str) -> None:
        """The cause is the right one; every modality of the media fails with it, context does not."""
        cause = BAD[case][1]
        modalities = aftermath.verdicts[case].modalities
        assert {name: failure.cause for name, failure in modalities.failed.items()} == dict.fromkeys(_MEDIA, cause)
        assert "context" in modalities.present
        assert aftermath.causes(case) == [cause]

    @pytest.mark.parametrize("number", range(len(UNKNOWN_SCHEMES)))
    def test_an_unknown_scheme_is_refused_by_intake(self, aftermath: Aftermath, number: int) -> None:
        """Such an event is no case: one dead letter."""
        assert aftermath.causes(f"unknown-scheme-{number}") == ["event-invalid"]
        assert f"unknown-scheme-{number}" not in aftermath.verdicts

    def test_nobody_came_to_a_private_address(self, aftermath: Aftermath) -> None:
        """Neither directly nor by a redirect."""
        with pytest.raises(BlockingIOError):
            aftermath.places.private.accept()

    def test_no_dead_letter_is_left_over(self, aftermath: Aftermath) -> None:
        """Every dead letter belongs to a bad case."""
        assert len(aftermath.dead_letters) == len(BAD) + len(UNKNOWN_SCHEMES)


class TestUnavailableSources:
    def test_hold_nobody_up(self, aftermath: Aftermath) -> None:
        """More videos than slots wait, without a slot, while others get their verdicts."""
        assert len(UNAVAILABLE) > _NUM_SLOTS
        assert aftermath.meanwhile.total("vidsignal_deferred_events") == len(UNAVAILABLE)
        assert aftermath.meanwhile.total("vidsignal_source_breakers_open") >= 1
        heard = {signal.modality for signal in aftermath.heard_meanwhile if signal.video_id in UNAVAILABLE}
        assert heard == {"context"}

    @pytest.mark.parametrize("case", UNAVAILABLE)
    def test_are_waited_for(self, aftermath: Aftermath, case: str) -> None:
        """Once they are back every modality is heard, once, and there is no dead letter."""
        assert aftermath.verdicts[case].modalities.failed == {}
        assert aftermath.modalities_of(case) == sorted(MODALITIES)
        assert aftermath.causes(case) == []

    def test_leave_nothing_behind(self, aftermath: Aftermath) -> None:
        """No breaker stays open and nothing stays deferred."""
        assert aftermath.metrics.total("vidsignal_deferred_events") == 0
        assert aftermath.metrics.total("vidsignal_source_breakers_open") == 0
        assert aftermath.metrics.total("vidsignal_retries_total", reason="source") >= len(UNAVAILABLE)
