"""A local object store that speaks as much of S3 as reading takes, for tests and benchmarks.

    with ObjectStore() as store:
        url = store.put("uploads", "day/clip.mp4", clip_bytes_or_path)      # s3://uploads/day/clip.mp4
        store.environment()         # AWS_... variables that point a worker process at it
        store.config()              # the same as an obstore configuration
        store.fail(S3Fault("SlowDown", 503), times=2)                       # the next two requests
        store.refuse("private", S3Fault("ExpiredToken", 400))               # one bucket, until told otherwise
        store.bytes_sent, store.requests

GET and HEAD of path-style addresses (`/bucket/key`) with Range and If-Match; what is refused is refused with S3's XML
(https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). Signatures are not checked. Written because
the well-known doubles read the whole object for every range.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote
from xml.sax.saxutils import escape

from aiohttp import web

from tests.support.http_thread import HttpThread
from tests.support.served_content import Content, UnsatisfiableRange, requested_range

_LONG_AGO = formatdate(1_700_000_000, usegmt=True)


@dataclass(frozen=True)
class S3Fault:
    """An error answer."""

    code: str
    """S3's word, such as `SlowDown`."""
    status: int


NO_SUCH_KEY = S3Fault("NoSuchKey", 404)
NO_SUCH_BUCKET = S3Fault("NoSuchBucket", 404)
INVALID_RANGE = S3Fault("InvalidRange", 416)
PRECONDITION_FAILED = S3Fault("PreconditionFailed", 412)


class ObjectStore(HttpThread):
    """The server; see the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self._buckets: dict[str, dict[str, Content]] = {}
        self._faults: list[S3Fault] = []
        self._refused: dict[str, S3Fault] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and Range of each, oldest first."""
        self.bytes_sent = 0

    def put(self, bucket: str, key: str, held: bytes | Path) -> str:
        """Keep an object, in place of what was there.

        Returns:
            Its `s3://` address.
        """
        self._buckets.setdefault(bucket, {})[key] = Content.of(held)
        return f"s3://{bucket}/{key}"

    def etag(self, bucket: str, key: str) -> str:
        """The object's entity tag, quoted."""
        return self._buckets[bucket][key].etag

    def fail(self, fault: S3Fault, *, times: int) -> None:
        """Answer the next `times` requests with `fault`."""
        self._faults.extend([fault] * times)

    def refuse(self, bucket: str, fault: S3Fault | None) -> None:
        """Answer everything about `bucket` with `fault` from now on; None ends that."""
        self._refused.pop(bucket, None)
        if fault is not None:
            self._refused[bucket] = fault

    def environment(self) -> dict[str, str]:
        """Variables under which S3 clients find this store."""
        return {f"AWS_{name.upper()}": value for name, value in self.config().items() if name != "allow_http"} | {
            "AWS_ALLOW_HTTP": "true",
            "AWS_ENDPOINT_URL": self.base_url,
        }

    def config(self) -> dict[str, str]:
        """What obstore's `S3Store` takes as `config`; the access is made up."""
        return {
            "endpoint": self.base_url,
            "region": "us-east-1",
            "access_key_id": "local",
            "secret_access_key": "local-only",
            "allow_http": "true",
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one GET or HEAD."""
        path = unquote(request.rel_url.raw_path)  # once: a key may hold percent signs
        asked_range = request.headers.get("Range")
        self.requests.append((request.method, path, asked_range))
        if self._faults:
            return _refusal(self._faults.pop(0), path)
        bucket, _, key = path.removeprefix("/").partition("/")
        if bucket in self._refused:
            return _refusal(self._refused[bucket], path)
        if bucket not in self._buckets:
            return _refusal(NO_SUCH_BUCKET, path)
        if key not in self._buckets[bucket]:
            return _refusal(NO_SUCH_KEY, path)
        content = self._buckets[bucket][key]
        condition = request.headers.get("If-Match")
        if condition is not None and condition.strip('"') != content.etag.strip('"'):
            return _refusal(PRECONDITION_FAILED, path)
        try:
            return await self._serve(request, content, requested_range(asked_range, content.size_bytes))
        except UnsatisfiableRange:
            return _refusal(INVALID_RANGE, path)

    async def _serve(
        self, request: web.BaseRequest, content: Content, wanted: tuple[int, int] | None
    ) -> web.StreamResponse:
        start, stop = wanted or (0, content.size_bytes)
        response = web.StreamResponse(status=200 if wanted is None else 206)
        response.headers.update({"ETag": content.etag, "Last-Modified": _LONG_AGO, "Accept-Ranges": "bytes"})
        if wanted is not None:
            response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size_bytes}"
        response.content_length = stop - start
        await response.prepare(request)
        if request.method == "GET":
            for piece in content.pieces(start, stop):
                self.bytes_sent += len(piece)  # first, since the client may be done before the write is
                await response.write(piece)
        return response


def _refusal(fault: S3Fault, path: str) -> web.Response:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(fault.code)}</Code><Message>as told</Message><Resource>{escape(path)}</Resource></Error>"
    )
    return web.Response(status=fault.status, text=text, content_type="application/xml")
