"""Google Cloud Storage and Azure: found, with credentials, where each cloud's own tools look for both.

What answers is a local web origin, since both read objects by plain GET requests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from operators.errors import InvalidMedia, SourceUnavailable
from operators.media.sources.objects import ObjectAccess
from schemas.uploads import ObjectSource
from tests.support.http_origin import Behaviour, HttpOrigin
from tests.unit.operators.media.sources.conftest import CLIP, SMALL, Opening, content

DATED = Behaviour(last_modified="Tue, 14 Nov 2023 22:13:20 GMT")
"""Both clouds say when an object was written; without it their client takes no answer."""
PREFIXES = ("gs://uploads/", "az://uploads/")


@dataclass(frozen=True)
class Cloud:
    """One way to be let in."""

    url: str
    variables: Callable[[HttpOrigin, Path], dict[str, str]]
    """Of the environment."""
    is_shown: Callable[[str, str], bool]
    """Whether a request's Authorization header, or its path with the query, shows the credentials."""


def _google_token(origin: HttpOrigin, _folder: Path) -> dict[str, str]:
    return {"GOOGLE_BASE_URL": origin.base_url, "GOOGLE_BEARER_TOKEN": "hush", "GOOGLE_ALLOW_HTTP": "true"}


def _google_account(origin: HttpOrigin, folder: Path) -> dict[str, str]:
    """A service account's file; this one asks for no token, since there is nobody to ask."""
    account = {"gcs_base_url": origin.base_url, "disable_oauth": True, "private_key": "", "private_key_id": ""}
    (folder / "account.json").write_text(json.dumps({**account, "client_email": ""}))
    return {"GOOGLE_SERVICE_ACCOUNT": str(folder / "account.json"), "GOOGLE_ALLOW_HTTP": "true"}


def _azure(origin: HttpOrigin) -> dict[str, str]:
    account = {"AZURE_STORAGE_ACCOUNT_NAME": "vidsignal", "AZURE_ALLOW_HTTP": "true"}
    return {"AZURE_STORAGE_ENDPOINT": origin.base_url, **account}


CLOUDS = {
    "google, token": Cloud("gs://uploads/day/clip.mp4", _google_token, lambda shown, _: shown == "Bearer hush"),
    "google, account": Cloud("gs://uploads/day/clip.mp4", _google_account, lambda shown, _: shown == ""),
    "azure, key": Cloud(
        "az://uploads/day/clip.mp4",
        lambda origin, _: {**_azure(origin), "AZURE_STORAGE_ACCOUNT_KEY": "aHVzaA=="},
        lambda shown, _: shown.startswith("SharedKey vidsignal:") and "aHVzaA" not in shown,
    ),
    "azure, signature": Cloud(
        "az://uploads/day/clip.mp4",
        lambda origin, _: {**_azure(origin), "AZURE_STORAGE_SAS_KEY": "sv=2023&sig=hush"},
        lambda _, path: path.endswith("/clip.mp4?sv=2023&sig=hush"),
    ),
}


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, origin: HttpOrigin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Every way in turn; the environment says it, and nothing else does."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "AZURE_"))]:
        monkeypatch.delenv(name)
    found = CLOUDS[request.param]
    for name, value in found.variables(origin, tmp_path).items():
        monkeypatch.setenv(name, value)
    return found


async def read(opened: Opening, cloud: Cloud) -> bytes:
    """The whole object."""
    words = {"object_prefixes": PREFIXES, "objects": ObjectAccess()}
    async with opened(ObjectSource(url=cloud.url), **words) as media:
        return await content(media)


class TestClouds:
    async def test_reads_with_credentials_of_the_environment(
        self, opened: Opening, origin: HttpOrigin, cloud: Cloud
    ) -> None:
        """The bytes, by ranges of the state that was found first; every request shows who we are."""
        origin.put("/uploads/day/clip.mp4", CLIP, DATED)
        assert await read(opened, cloud) == CLIP
        assert origin.requests[0].range == f"bytes=0-{SMALL.probe_bytes - 1}"
        assert all("If-Match" in seen.headers for seen in origin.requests[1:])
        assert all(cloud.is_shown(seen.headers.get("Authorization", ""), seen.path) for seen in origin.requests)

    @pytest.mark.parametrize(("status", "cause"), [(404, "media-missing"), (403, "media-forbidden")])
    async def test_refusals_about_the_object(
        self, opened: Opening, origin: HttpOrigin, cloud: Cloud, status: int, cause: str
    ) -> None:
        """A dead letter; no secret is in it."""
        origin.put("/uploads/day/clip.mp4", CLIP, Behaviour(always_status=status))
        with pytest.raises(InvalidMedia) as caught:
            await read(opened, cloud)
        assert caught.value.cause == cause
        assert "hush" not in caught.value.message

    @pytest.mark.parametrize("status", [401, 503])
    async def test_refused_credentials_and_bad_days_are_waited_for(
        self, opened: Opening, origin: HttpOrigin, cloud: Cloud, status: int
    ) -> None:
        """Away, and no dead letter."""
        origin.put("/uploads/day/clip.mp4", CLIP, Behaviour(always_status=status))
        with pytest.raises(SourceUnavailable) as caught:
            await read(opened, cloud)
        assert caught.value.origin == cloud.url.removesuffix("/day/clip.mp4")
        assert "hush" not in str(caught.value)

    async def test_changes_while_it_is_read(self, opened: Opening, origin: HttpOrigin, cloud: Cloud) -> None:
        """It is noticed by the next range."""
        origin.put("/uploads/day/clip.mp4", CLIP, DATED)
        words = {"object_prefixes": PREFIXES, "objects": ObjectAccess()}
        async with opened(ObjectSource(url=cloud.url), **words) as media:
            origin.put("/uploads/day/clip.mp4", CLIP[::-1], DATED)
            with pytest.raises(InvalidMedia) as caught:
                await media.ensure(20_000, 21_000)
        assert caught.value.cause == "media-changed"
