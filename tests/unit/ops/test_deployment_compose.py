"""The Compose file is one, and what it says of commands, settings, ports, files and roles is true of the code."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from schemas.topics import TOPICS
from streams.config.settings import Role, Settings
from streams.worker.worker import _LONGEST_STOP_SECONDS
from tests.deployment import (
    accepted_settings,
    compose,
    image_environment,
    option_values,
    read,
    repository_path,
    roles_of,
    seconds,
    served_paths,
    unknown_variables,
    variants,
)

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("vidsignal:")}
WORKERS = {name: service for name, service in OURS.items() if name.startswith("worker-")}
GPU = "ops/compose/gpu.yml"


def schema() -> Any:
    """The Compose specification's own, taken out of a package that is not imported: it wants another click."""
    packaged = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    return json.loads(Path(str(packaged)).read_text(encoding="utf-8"))


class TestSpecification:
    @pytest.mark.parametrize("file", ["docker-compose.yml", GPU])
    def test_valid(self, file: str) -> None:
        """By the schema of the specification, before and after variables are put in."""
        jsonschema.validate(yaml.safe_load(read(file)), schema())
        jsonschema.validate(compose(), schema())

    def test_refuses_what_is_misspelled(self) -> None:
        """The schema is no mere formality."""
        misspelled = compose() | {"services": {"redis": {"image": "redis:8", "health_check": {}}}}
        with pytest.raises(jsonschema.ValidationError, match="health_check"):
            jsonschema.validate(misspelled, schema())

    def test_refers_to_what_is_there(self) -> None:
        """Services that others wait for, and volumes that they name."""
        waited_for = {name for service in SERVICES.values() for name in service.get("depends_on", ())}
        assert waited_for <= set(SERVICES)
        named = {
            volume.partition(":")[0] for each in SERVICES.values() for volume in _short(each) if volume[0] not in "./"
        }
        assert named == set(compose()["volumes"])

    def test_waits_only_for_health_that_is_checked(self) -> None:
        """A condition on a service without a check would wait for ever."""
        for service in SERVICES.values():
            conditions = service.get("depends_on", {})
            healthy = [
                name for name in conditions if isinstance(conditions, dict) and "healthy" in str(conditions[name])
            ]
            assert all("test" in SERVICES[name]["healthcheck"] for name in healthy)


def _short(service: dict[str, Any]) -> list[str]:
    return [volume for volume in service.get("volumes", ()) if isinstance(volume, str)]


class TestCommands:
    @pytest.mark.parametrize("name", OURS)
    def test_exist(self, name: str) -> None:
        """The command line takes every command with its options."""
        assert option_values(OURS[name]["command"])

    def test_every_role_runs_once(self) -> None:
        """What is left out would wait for ever, and what runs twice would have two numbers to scale."""
        running = [role for worker in WORKERS.values() for role in roles_of(worker["command"])]
        assert sorted(running) == sorted(get_args(Role))

    def test_light_image_runs_no_media(self) -> None:
        """It has no models and no decoders."""
        roles = {
            role
            for each in WORKERS.values()
            if each["image"] == "vidsignal:light"
            for role in roles_of(each["command"])
        }
        assert roles == {"intake", "verdict", "engagement"}

    def test_topics_come_first(self) -> None:
        """Every worker waits until they are made."""
        assert OURS["topics"]["command"][:2] == ["topics", "create"]
        conditions = [worker["depends_on"]["topics"]["condition"] for worker in WORKERS.values()]
        assert set(conditions) == {"service_completed_successfully"}

    def test_images_are_variants(self) -> None:
        """Each tag is built by the argument of the same name."""
        for service in OURS.values():
            tag = service["image"].partition(":")[2]
            assert tag in variants()
            assert service["build"]["args"]["VARIANT"] == tag


class TestSettings:
    @pytest.mark.parametrize("name", OURS)
    def test_accepted(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every variable is a setting, with a value that a worker takes."""
        settings = accepted_settings(monkeypatch, image_environment(), OURS[name]["environment"])
        assert settings.kafka_bootstrap_servers in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
        assert settings.redis_url.get_secret_value().startswith("redis://redis:6379/")

    def test_knows_what_is_no_setting(self) -> None:
        """A variable that nothing reads is found."""
        assert unknown_variables(["VIDSIGNAL_MAX_CONCURRENT_VIDEO", "VIDSIGNAL_MAX_CONCURRENT_VIDEOS", "PATH"]) == {
            "VIDSIGNAL_MAX_CONCURRENT_VIDEO"
        }

    def test_cores_are_said(self) -> None:
        """The defaults of these count the cores of the machine and not those of the container."""
        said = set(WORKERS["worker-media"]["environment"])
        assert {"VIDSIGNAL_TORCH_THREADS", "VIDSIGNAL_DECODE_PROCESSES"} <= said

    @pytest.mark.parametrize("name", WORKERS)
    def test_stops_in_order(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The engine waits longer than a worker can take to stop."""
        settings = accepted_settings(monkeypatch, image_environment(), WORKERS[name]["environment"])
        assert seconds(WORKERS[name]["stop_grace_period"]) > settings.drain_timeout_seconds + _LONGEST_STOP_SECONDS

    def test_reach_from_the_machine(self) -> None:
        """Commands in the virtual environment find broker and store at their defaults."""
        assert (
            f"//{Settings().kafka_bootstrap_servers}"
            in (SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])
        )
        assert Settings().redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
        assert (SERVICES["kafka"]["ports"], SERVICES["redis"]["ports"]) == (
            ["127.0.0.1:9092:9092"],
            ["127.0.0.1:6379:6379"],
        )


class TestHealth:
    @pytest.mark.parametrize("name", WORKERS)
    def test_asks_whether_ready(self, name: str) -> None:
        """On the port of the image's settings, and at a path that a worker serves."""
        words = WORKERS[name]["healthcheck"]["test"]
        assert words[:5] == ["CMD", "python", "-P", "-m", "ops.health_check"]
        assert words[5] == f"http://127.0.0.1:{image_environment()['VIDSIGNAL_HEALTH_PORT']}/readyz"
        assert "/readyz" in served_paths()

    def test_prometheus_asks_every_worker(self) -> None:
        """Each by its service's name, on the port of the image's settings."""
        scraped = read("ops/prometheus/prometheus.yml")
        assert {name for name in WORKERS if name not in scraped} == set()
        assert set(re.findall(r"\b91\d\d\b", scraped)) == {image_environment()["VIDSIGNAL_METRICS_PORT"]}


class TestSafety:
    @pytest.mark.parametrize("name", OURS)
    def test_little_is_allowed(self, name: str) -> None:
        """No capability, no way to more of them, nothing to write to but what is named, and a bound on processes."""
        service = OURS[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["pids_limit"] > 0
        assert "privileged" not in service and "user" not in service

    def test_media_is_only_read(self) -> None:
        """The folder that workers may look into is mounted read-only, and is the one of the settings."""
        worker = WORKERS["worker-media"]
        (mount,) = [volume for volume in worker["volumes"] if volume["type"] == "bind"]
        assert (mount["target"], mount["read_only"]) == (worker["environment"]["VIDSIGNAL_MEDIA_ROOTS"], True)

    def test_spool_is_a_workers_own(self) -> None:
        """A volume without a name is made for each container; the limit is of one worker."""
        (spool,) = [volume for volume in WORKERS["worker-media"]["volumes"] if volume["type"] == "volume"]
        assert spool == {"type": "volume", "target": image_environment()["VIDSIGNAL_SPOOL_DIR"]}

    def test_all_ports_are_on_loopback(self) -> None:
        """Nothing here asks for a password."""
        ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
        assert ports and all(port.startswith("127.0.0.1:") for port in ports)

    def test_redis_forgets_nothing(self) -> None:
        """It persists, and never evicts what it holds."""
        command = " ".join(SERVICES["redis"]["command"])
        assert "--appendonly yes" in command and "--maxmemory-policy noeviction" in command


class TestBroker:
    environment = SERVICES["kafka"]["environment"]

    def test_takes_our_largest_records(self) -> None:
        """Its limits lie above those of every topic."""
        largest = max(topic.max_message_bytes for topic in TOPICS)
        assert self.environment["KAFKA_MESSAGE_MAX_BYTES"] >= largest
        assert self.environment["KAFKA_REPLICA_FETCH_MAX_BYTES"] >= largest

    def test_makes_no_topics_by_itself(self) -> None:
        """One that was made by the way would lack its retention and its partitions."""
        assert self.environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


class TestFiles:
    def test_mounted_files_exist(self) -> None:
        """A file of the repository that is not there would be mounted as an empty folder."""
        sources = {volume.partition(":")[0] for each in SERVICES.values() for volume in _short(each)}
        ours = {source for source in sources if source.startswith("./")}
        assert ours == {
            "./ops/prometheus/prometheus.yml",
            "./ops/prometheus/alerts.yml",
            "./ops/grafana/provisioning",
            "./ops/grafana/dashboards",
        }
        assert {source for source in ours if not repository_path(source).exists()} == set()

    def test_grafana_finds_its_dashboards(self) -> None:
        """Where the provisioning says that they lie, they are mounted."""
        targets = {volume.split(":")[1] for volume in _short(SERVICES["grafana"])}
        (provider,) = (yaml.safe_load(path.read_text())["providers"][0] for path in _provisioned("dashboards"))
        assert provider["options"]["path"] in targets

    def test_grafana_finds_prometheus(self) -> None:
        """Its address is the service's name and port."""
        sources = [
            each for path in _provisioned("datasources") for each in yaml.safe_load(path.read_text())["datasources"]
        ]
        assert "http://prometheus:9090" in [source["url"] for source in sources]


def _provisioned(kind: str) -> list[Any]:
    return sorted(repository_path(f"ops/grafana/provisioning/{kind}").glob("*.y*ml"))


def test_accelerator_is_asked_for() -> None:
    """The addition for NVIDIA machines is of the worker that has media, and lets it not fall back to the processor."""
    (name,) = (addition := yaml.safe_load(read(GPU))["services"])
    assert "media" in roles_of(WORKERS[name]["command"])
    (device,) = addition[name]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert addition[name]["environment"] == {"VIDSIGNAL_DEVICE": "cuda"}
    assert addition[name]["image"] == "vidsignal:cuda" and addition[name]["build"]["args"] == {"VARIANT": "cuda"}
