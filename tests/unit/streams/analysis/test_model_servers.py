"""Which models run on which server is a matter of settings, of cards, and of the list of hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.card import Card
from models.card_errors import CardInvalid
from models.card_registry import CARDS
from operators.inference.backend import BackendConfig
from operators.inference.compute_mode import ModeUnavailable
from operators.inference.placement import ServerPlace
from operators.inference.remote.server_watch import SilentServerWatch
from streams.analysis.model_servers import server_places
from streams.config.settings import InvalidSettings, read_settings

CARD = CARDS["opennsfw"]
HERE = {"kserve_url": "http://127.0.0.1:8000", "model_server_hosts": "127.0.0.1"}


def places(*cards: Card, **settings: str) -> tuple[ServerPlace, ...]:
    config = BackendConfig(precision="bfloat16")
    return server_places(read_settings(**settings), config, cards or (CARD,), SilentServerWatch())


class TestPlaces:
    def test_none_by_default(self) -> None:
        """An address alone puts no model there."""
        assert places() == places(**HERE) == ()

    def test_models_by_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """With their names there; the token comes from a file, and the precision is the server's affair."""
        token = tmp_path / "token"
        token.write_text("hunter2\n")
        monkeypatch.setenv("VIDSIGNAL_KSERVE_TOKEN_FILE", str(token))
        (place,) = places(CARD, CARDS["yamnet"], **HERE, kserve_models="opennsfw=nsfw-v2,yamnet")
        config = place.open()._config  # type: ignore[attr-defined]
        assert (place.name, place.models) == ("kserve", {"opennsfw", "yamnet"})
        assert [config.server.name_of(name) for name in sorted(place.models)] == ["nsfw-v2", "yamnet"]
        assert config.server.headers() == {"Authorization": "Bearer hunter2"}
        assert (config.precision, place.open().num_submitters) == ("auto", 16)

    def test_a_model_that_does_not_run(self) -> None:
        """The setting, the name and what there is."""
        with pytest.raises(ModeUnavailable, match="VIDSIGNAL_KSERVE_MODELS names the model 'nsfw'; there are opennsfw"):
            places(**HERE, kserve_models="nsfw")

    def test_a_card_that_excludes_servers(self) -> None:
        """The card decides where it may run, whatever the settings want."""
        here_only = replace(CARD, devices=("cpu",))
        with pytest.raises(CardInvalid, match=r"runs.devices is \['cpu'\]; allowed: a list with kserve"):
            places(here_only, **HERE, kserve_models="opennsfw")


class TestSettings:
    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"kserve_url": "https://models.example"}, "VIDSIGNAL_MODEL_SERVER_HOSTS allows no host"),
            (
                {"kserve_url": "http://m.example", "model_server_hosts": "m.example"},
                "allowed beyond loopback: https://",
            ),
            ({"kserve_url": "models.example", "model_server_hosts": "models.example"}, "is no address of a server"),
            ({"kserve_models": "opennsfw"}, "without an address; set VIDSIGNAL_KSERVE_URL"),
            ({**HERE, "kserve_models": "opennsfw=a,opennsfw=b"}, "'opennsfw=b' is not allowed"),
            ({**HERE, "kserve_models": "opennsfw="}, "'opennsfw=' is not allowed"),
        ],
    )
    def test_refused_at_start(self, settings: dict[str, str], said: str) -> None:
        """Every command reports it, before a worker sends anything."""
        with pytest.raises(InvalidSettings) as refused:
            read_settings(**settings)
        assert said in str(refused.value)
