"""A folder of files behind as much of S3 as reading takes: path-style GET and HEAD, with ranges and If-Match.

    with FileStore(folder, "uploads") as store:     # folder/day/clip.mp4 is s3://uploads/day/clip.mp4
        store.environment()                         # AWS_... variables that point S3 clients at it

For benchmarks, and for trying object sources on one machine. Signatures are not checked.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from ops.local.loop_thread import LoopThread
from ops.local.ports import LOOPBACK


class FileStore(LoopThread):
    """The server; see the module's docstring.

    Args:
        folder: what is served; it has to exist.
        bucket: the name of the bucket that holds all of it.
    """

    def __init__(self, folder: Path, bucket: str) -> None:
        super().__init__("vidsignal-file-store")
        self._folder = folder
        self._bucket = bucket
        self._runner: web.AppRunner | None = None

    def environment(self) -> dict[str, str]:
        """Variables under which S3 clients find this store; the credentials are made up."""
        return {
            "AWS_ENDPOINT_URL": self.base_url,
            "AWS_ENDPOINT": self.base_url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local-only",
        }

    async def listen(self) -> None:
        """See `LoopThread.listen`."""
        application = web.Application()
        application.router.add_static(f"/{self._bucket}", self._folder)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOOPBACK, 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop_listening(self) -> None:
        """See `LoopThread.stop_listening`."""
        if self._runner is not None:
            await self._runner.cleanup()
