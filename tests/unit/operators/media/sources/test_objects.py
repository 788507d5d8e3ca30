"""Object stores: what may be read, what their refusals mean, and objects that change."""

from __future__ import annotations

from typing import Any

import pytest

from operators.errors import InvalidMedia, MediaCause, SourceUnavailable
from operators.media.sources.limits import FetchLimits
from operators.media.sources.object_address import parse_object_address
from operators.media.sources.objects import ObjectAccess
from ops.local.ports import ReservedPort
from schemas.uploads import ObjectSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.support.object_store import ObjectStore, S3Fault
from tests.unit.operators.media.sources.conftest import CLIP, IMPATIENT, SMALL, UNHEARD, Opening, content


async def read(opened: Opening, url: str, etag: str | None = None, **words: Any) -> bytes:
    """The whole object."""
    async with opened(ObjectSource(url=url, etag=etag), **words) as media:
        return await content(media)


async def cause_of(opened: Opening, url: str, etag: str | None = None, **words: Any) -> MediaCause:
    """Why it is refused."""
    with pytest.raises(InvalidMedia) as caught:
        await read(opened, url, etag, **words)
    return caught.value.cause


class TestPrefixes:
    """`parse_object_address`."""

    @pytest.mark.parametrize(
        ("url", "prefix"),
        [
            ("s3://uploads/a/b.mp4", "s3://uploads/"),
            ("s3://uploads/a/b.mp4", "s3://uploads"),
            ("s3://uploads/a/b.mp4", "s3://uploads/a/"),
            ("s3://uploads/a/b.mp4", "s3://uploads/a"),
            ("gs://uploads/b", "gs://uploads/"),
            ("az://uploads/b", "az://uploads/"),
            ("s3://uploads/a%2e%2e/%2F", "s3://uploads/"),
            ("s3://uploads/..a/b..", "s3://uploads/"),
        ],
    )
    def test_below(self, url: str, prefix: str) -> None:
        """The key is taken as it stands."""
        assert parse_object_address(url, ("s3://other/", prefix)).name == url

    @pytest.mark.parametrize(
        "url",
        [
            "s3://other/a",
            "s3://uploads-private/a",
            "s3://uploads/private/a",
            "s3://uploads/public-not/a",
            "s3://uploads/public",
            "s3://uploads/public/",
            "s3://uploads/public/../private/a",
            "s3://uploads/public/./a",
            "s3://uploads/public//a",
            "s3://uploads/public/a/..",
            "s3://uploads/public/a\n",
            "s3://uploads/public/a\x00b",
            "gs://uploads/public/a",
            "S3://uploads/public/a",
            "http://uploads/public/a",
        ],
    )
    def test_not_below(self, url: str) -> None:
        """Siblings with the same beginning, dots that lead out, other stores."""
        with pytest.raises(InvalidMedia) as caught:
            parse_object_address(url, ("s3://uploads/public/",))
        assert caught.value.cause == "media-address-refused"

    @pytest.mark.parametrize("bucket", ["up@evil.example", "up:80", "up?x", "up#x", "UP", "..", "a%2f"])
    def test_odd_buckets(self, bucket: str) -> None:
        """Even with everything allowed, a bucket is a name and cannot become a host of its own."""
        with pytest.raises(InvalidMedia):
            parse_object_address(f"s3://{bucket}/a", (f"s3://{bucket}/",))

    async def test_none_by_default(self, opened: Opening, store: ObjectStore) -> None:
        """The refusal says which setting allows it; the store is not asked."""
        with pytest.raises(InvalidMedia, match="VIDSIGNAL_OBJECT_PREFIXES") as caught:
            await read(opened, store.put("uploads", "clip.mp4", CLIP), object_prefixes=())
        assert caught.value.cause == "media-address-refused"
        assert store.requests == []


class TestReading:
    """`open_object`."""

    async def test_fetches_only_what_is_asked_for(self, opened: Opening, store: ObjectStore) -> None:
        """The probe and the blocks that are read, two requests."""
        async with opened(ObjectSource(url=store.put("uploads", "clip.mp4", CLIP))) as media:
            await media.ensure(40_000, 44_001)
            assert media.bytes_fetched == store.bytes_sent == SMALL.probe_bytes + 2 * SMALL.block_bytes
        assert [seen[0] for seen in store.requests] == ["GET", "GET"]

    @pytest.mark.parametrize("key", ["a b/ü.mp4", "a%2Fb.mp4", "a+b&c=d?e.mp4", "a#b.mp4", "..a.mp4"])
    async def test_odd_keys(self, opened: Opening, store: ObjectStore, key: str) -> None:
        """A key is not an address: nothing in it is decoded."""
        assert await read(opened, store.put("uploads", key, CLIP)) == CLIP

    @pytest.mark.parametrize("form", ["{}", '"{}"'])
    async def test_etag_of_the_event(self, opened: Opening, store: ObjectStore, form: str) -> None:
        """It is verified, with or without its quotes, by the first request."""
        url = store.put("uploads", "clip.mp4", CLIP)
        etag = form.format(store.etag("uploads", "clip.mp4").strip('"'))
        assert await read(opened, url, etag) == CLIP
        store.put("uploads", "clip.mp4", CLIP[::-1])
        store.requests.clear()
        assert await cause_of(opened, url, etag) == "media-changed"
        assert len(store.requests) == 1

    async def test_changes_while_it_is_read(self, opened: Opening, store: ObjectStore) -> None:
        """Every range asks for the state that was found first."""
        async with opened(ObjectSource(url=store.put("uploads", "clip.mp4", CLIP))) as media:
            store.put("uploads", "clip.mp4", CLIP[::-1])
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-changed"

    async def test_changes_in_a_store_that_ignores_conditions(self, opened: Opening, origin: HttpOrigin) -> None:
        """What comes is compared as well."""
        origin.put("/uploads/clip.mp4", CLIP)
        config = {"endpoint": origin.base_url, "region": "x", "access_key_id": "a", "secret_access_key": "b"}
        objects = ObjectAccess(s3=config | {"allow_http": "true"})
        async with opened(ObjectSource(url="s3://uploads/clip.mp4"), objects=objects) as media:
            origin.put("/uploads/clip.mp4", CLIP[::-1])
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-changed"

    async def test_environment_names_the_store(
        self, opened: Opening, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a configuration of ours, the cloud's own variables count."""
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        assert await read(opened, store.put("uploads", "clip.mp4", CLIP), objects=ObjectAccess()) == CLIP


class TestRefusals:
    """What a store's errors mean."""

    @pytest.mark.parametrize(
        ("fault", "cause"),
        [
            (S3Fault("NoSuchKey", 404), "media-missing"),
            (S3Fault("NoSuchBucket", 404), "media-missing"),
            (S3Fault("AccessDenied", 403), "media-forbidden"),
            (S3Fault("InvalidObjectState", 403), "media-forbidden"),
            (S3Fault("PreconditionFailed", 412), "media-changed"),
        ],
    )
    async def test_about_the_object(
        self, opened: Opening, store: ObjectStore, fault: S3Fault, cause: MediaCause
    ) -> None:
        """Asked once, named."""
        url = store.put("uploads", "clip.mp4", CLIP)
        store.fail(fault, times=1)
        assert await cause_of(opened, url) == cause
        assert len(store.requests) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            S3Fault("ExpiredToken", 400),
            S3Fault("InvalidToken", 400),
            S3Fault("InvalidAccessKeyId", 403),
            S3Fault("SignatureDoesNotMatch", 403),
            S3Fault("RequestTimeTooSkewed", 403),
            S3Fault("AuthenticationFailed", 403),
            S3Fault("Unauthorized", 401),
        ],
    )
    async def test_about_our_credentials(self, opened: Opening, store: ObjectStore, fault: S3Fault) -> None:
        """Somebody will renew them: waited for, never a dead letter; asked once."""
        url = store.put("uploads", "clip.mp4", CLIP)
        store.fail(fault, times=1)
        with pytest.raises(SourceUnavailable, match=r"s3://uploads: the credentials are refused") as caught:
            await read(opened, url)
        assert caught.value.origin == "s3://uploads"
        assert len(store.requests) == 1

    async def test_no_credentials(self, opened: Opening, store: ObjectStore) -> None:
        """None anywhere, and a metadata service that is not there."""
        with ReservedPort() as port:
            config = store.config() | {"metadata_endpoint": f"http://{port.address}"}
            config = {name: value for name, value in config.items() if "key" not in name}
            with pytest.raises(SourceUnavailable):
                await read(opened, store.put("uploads", "clip.mp4", CLIP), objects=ObjectAccess(s3=config))
        assert store.requests == []

    async def test_no_account(self, opened: Opening) -> None:
        """Azure without an account: a configuration that somebody has to complete."""
        with pytest.raises(SourceUnavailable, match="az://uploads"):
            await read(opened, "az://uploads/clip.mp4", object_prefixes=("az://uploads/",))

    @pytest.mark.parametrize("fault", [S3Fault("SlowDown", 503), S3Fault("InternalError", 500)])
    async def test_transient(self, opened: Opening, store: ObjectStore, fault: S3Fault) -> None:
        """Tried again, a few times; then it is unavailable."""
        url = store.put("uploads", "clip.mp4", CLIP)
        store.fail(fault, times=SMALL.max_attempts - 1)
        assert await read(opened, url) == CLIP
        store.requests.clear()
        store.fail(fault, times=SMALL.max_attempts)
        with pytest.raises(SourceUnavailable, match=fault.code):
            await read(opened, url)
        assert len(store.requests) == SMALL.max_attempts

    async def test_nobody_listens(self, opened: Opening, store: ObjectStore) -> None:
        """A refused connection is unavailable."""
        with ReservedPort() as port, pytest.raises(SourceUnavailable):
            objects = ObjectAccess(s3=store.config() | {"endpoint": f"http://{port.address}"})
            await read(opened, "s3://uploads/clip.mp4", objects=objects)

    @pytest.mark.parametrize(
        ("behaviour", "limits", "failure"),
        [(Behaviour(stall_after_bytes=1), IMPATIENT, "media-too-slow"), (Behaviour(is_mute=True), UNHEARD, "away")],
        ids=["stalls", "mute"],
    )
    async def test_slow(
        self, opened: Opening, origin: HttpOrigin, behaviour: Behaviour, limits: FetchLimits, failure: str
    ) -> None:
        """The same smallest throughput as of any origin; a store that says nothing is unavailable."""
        origin.put("/uploads/clip.mp4", CLIP, behaviour)
        config = {"endpoint": origin.base_url, "region": "x", "access_key_id": "a", "secret_access_key": "b"}
        objects = ObjectAccess(s3=config | {"allow_http": "true"})
        with pytest.raises((InvalidMedia, SourceUnavailable)) as caught:
            await read(opened, "s3://uploads/clip.mp4", objects=objects, limits=limits)
        assert getattr(caught.value, "cause", "away") == failure

    async def test_short_body(self, opened: Opening, origin: HttpOrigin) -> None:
        """A body that breaks off is continued."""
        origin.put("/uploads/clip.mp4", CLIP, Behaviour(body_bytes=900, cut_requests=2))
        config = {"endpoint": origin.base_url, "region": "x", "access_key_id": "a", "secret_access_key": "b"}
        objects = ObjectAccess(s3=config | {"allow_http": "true"})
        assert await read(opened, "s3://uploads/clip.mp4", objects=objects) == CLIP
