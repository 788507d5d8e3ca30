"""The local HTTP origin and object store answer as real ones do: else tests against them would mean nothing."""

from __future__ import annotations

import http.client
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_origin import Behaviour, HttpOrigin
from tests.support.object_store import ObjectStore, S3Fault

CLIP = bytes(range(256)) * 4_000
ANSWER_SECONDS = 60.0


@pytest.fixture(scope="module")
def origin() -> Iterator[HttpOrigin]:
    with HttpOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as server:
        yield server


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request by a client that is not ours: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


class TestRanges:
    """RFC 9110, 14, by both servers, from memory and from a file."""

    @pytest.fixture(params=["origin", "store"])
    def port(self, request: pytest.FixtureRequest, origin: HttpOrigin, store: ObjectStore) -> int:
        origin.put("/uploads/clip", CLIP)
        store.put("uploads", "clip", CLIP)
        return origin.port if request.param == "origin" else store.port

    @pytest.mark.parametrize(
        ("asked", "start", "stop"),
        [
            ("bytes=0-9", 0, 10),
            ("bytes=5-5", 5, 6),
            ("bytes=1023990-", 1_023_990, 1_024_000),
            ("bytes=1023990-9999999", 1_023_990, 1_024_000),
            ("bytes=-10", 1_023_990, 1_024_000),
            ("bytes=100-900000", 100, 900_001),
        ],
    )
    def test_part(self, port: int, asked: str, start: int, stop: int) -> None:
        """206, the part, and where it is."""
        status, headers, body = ask(port, "/uploads/clip", Range=asked)
        assert (status, body) == (206, CLIP[start:stop])
        assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CLIP)}"

    @pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=9-5", "bytes=-0"])
    def test_unsatisfiable(self, port: int, asked: str) -> None:
        """416."""
        assert ask(port, "/uploads/clip", Range=asked)[0] == 416

    @pytest.mark.parametrize("asked", ["bytes=-", "lines=1-2", "bytes=0-1,5-6"])
    def test_not_understood(self, port: int, asked: str) -> None:
        """A range that a server does not understand is no range."""
        status, _, body = ask(port, "/uploads/clip", Range=asked)
        assert (status, body) == (200, CLIP)

    def test_from_a_file(self, origin: HttpOrigin, store: ObjectStore, tmp_path: Path) -> None:
        """A file is served like bytes."""
        (tmp_path / "clip").write_bytes(CLIP)
        origin.put("/file", tmp_path / "clip")
        store.put("uploads", "file", tmp_path / "clip")
        for port, path in ((origin.port, "/file"), (store.port, "/uploads/file")):
            assert ask(port, path)[2] == CLIP
            assert ask(port, path, Range="bytes=300000-600000")[2] == CLIP[300_000:600_001]


class TestHttpOrigin:
    """`HttpOrigin`."""

    def test_counts(self, origin: HttpOrigin) -> None:
        """Every request and every byte of a body."""
        origin.put("/clip", CLIP)
        origin.requests.clear()
        origin.bytes_sent = 0
        ask(origin.port, "/clip?x=1", Range="bytes=0-99")
        assert [(seen.path, seen.range) for seen in origin.requests] == [("/clip?x=1", "bytes=0-99")]
        assert origin.bytes_sent == 100

    def test_if_range(self, origin: HttpOrigin) -> None:
        """A part of the same state, or the whole of the new one."""
        origin.put("/clip", CLIP)
        etag = ask(origin.port, "/clip")[1]["ETag"]
        assert ask(origin.port, "/clip", Range="bytes=0-9", If_Range=etag)[0] == 206
        origin.put("/clip", CLIP[::-1])
        assert ask(origin.port, "/clip", Range="bytes=0-9", If_Range=etag)[::2] == (200, CLIP[::-1])

    def test_short_body(self, origin: HttpOrigin) -> None:
        """Announces everything, sends a part, cuts."""
        origin.put("/clip", CLIP, Behaviour(body_bytes=1_000))
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            ask(origin.port, "/clip")

    def test_stall_and_release(self, origin: HttpOrigin) -> None:
        """What stalls goes on when it is told to."""
        origin.put("/clip", CLIP, Behaviour(stall_after_bytes=10))
        connection = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=ANSWER_SECONDS)
        connection.request("GET", "/clip")
        answer = connection.getresponse()
        assert answer.read(10) == CLIP[:10]
        assert select.select([connection.sock], [], [], 0)[0] == []
        origin.release()
        assert answer.read() == CLIP[10:]
        connection.close()


class TestObjectStore:
    """`ObjectStore`."""

    def test_refusals(self, store: ObjectStore) -> None:
        """S3's own words, in XML."""
        store.put("uploads", "clip", CLIP)
        for path, headers, status, code in [
            ("/uploads/none", {}, 404, b"<Code>NoSuchKey</Code>"),
            ("/none/clip", {}, 404, b"<Code>NoSuchBucket</Code>"),
            ("/uploads/clip", {"If_Match": '"other"'}, 412, b"<Code>PreconditionFailed</Code>"),
        ]:
            answer = ask(store.port, path, **headers)
            assert answer[0] == status
            assert code in answer[2]

    def test_head(self, store: ObjectStore) -> None:
        """Length and tag without a body."""
        store.put("uploads", "clip", CLIP)
        status, headers, body = ask(store.port, "/uploads/clip", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(len(CLIP)), b"")
        assert headers["ETag"] == store.etag("uploads", "clip")

    def test_fails_as_often_as_told(self, store: ObjectStore) -> None:
        """Then it is well again."""
        store.put("uploads", "clip", CLIP)
        store.fail(S3Fault("SlowDown", 503), times=2)
        assert [ask(store.port, "/uploads/clip")[0] for _ in range(3)] == [503, 503, 200]

    def test_refuses_one_bucket_until_told_otherwise(self, store: ObjectStore) -> None:
        """The others are open."""
        store.put("uploads", "clip", CLIP)
        store.put("private", "clip", CLIP)
        store.refuse("private", S3Fault("ExpiredToken", 400))
        assert b"<Code>ExpiredToken</Code>" in ask(store.port, "/private/clip")[2]
        assert [ask(store.port, f"/{bucket}/clip")[0] for bucket in ("private", "uploads")] == [400, 200]
        store.refuse("private", None)
        assert ask(store.port, "/private/clip")[0] == 200


def test_close_ends_what_stalls() -> None:
    """A server with a stalled request closes at once, and harmlessly a second time."""
    server = HttpOrigin()
    with server:
        server.put("/clip", CLIP, Behaviour(is_mute=True))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS)
        connection.request("GET", "/clip")
        while not server.requests:
            pass
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()
    connection.close()
    server.close()
    HttpOrigin().close()
