"""The manifests are valid, and what they say of commands, settings, ports, topics and groups is true of the code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import kubernetes_validate
import pytest
import yaml

from schemas.topics import ENGAGEMENT, UPLOADED
from streams.config.settings import Role, read_settings
from streams.kafka.group_names import group_of
from streams.worker.worker import _LONGEST_STOP_SECONDS
from tests.deployment import (
    KUBERNETES,
    accepted_settings,
    base_manifests,
    config_map,
    image_environment,
    of_kind,
    option_values,
    roles_of,
    served_paths,
    variants,
    without_unit,
)

VERSION = "1.34"
DEPLOYMENTS = of_kind("Deployment")
SCALED = of_kind("ScaledObject")
PODS = {name: item["spec"]["template"] for name, item in (DEPLOYMENTS | of_kind("Job")).items()}
OVERLAYS = sorted(path.parent.name for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))
SCALED_FIELDS = {
    "scaleTargetRef",
    "minReplicaCount",
    "maxReplicaCount",
    "pollingInterval",
    "fallback",
    "advanced",
    "triggers",
}
"""Of KEDA's ScaledObject `keda.sh/v1alpha1`, those used here; read from its definition: no package holds it."""
TRIGGER_FIELDS = {
    "bootstrapServersFromEnv", "consumerGroup", "topic", "offsetResetPolicy", "excludePersistentLag", "lagThreshold"
}  # fmt: skip
"""Of the metadata of KEDA's trigger `kafka`, in the same way."""


DEVICE_OF_RESOURCE = {"nvidia.com/gpu": "cuda", "aws.amazon.com/neuron": "neuron"}
"""What a pod asks Kubernetes for, and the device that its worker then has."""


def kubernetes(manifest: dict[str, Any]) -> None:
    """Validate strictly: unknown fields are refused, which the server would drop without a word."""
    kubernetes_validate.validate(manifest, VERSION, strict=True)


def container(name: str) -> dict[str, Any]:
    (only,) = PODS[name]["spec"]["containers"]
    return dict(only)


def environment(name: str) -> dict[str, str]:
    """Variables of a pod as its container sees them."""
    own = {each["name"]: each["value"] for each in container(name).get("env", ())}
    return image_environment() | config_map() | own


def overlay(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((KUBERNETES / "overlays" / name / "kustomization.yaml").read_text())
    return document


def patches() -> list[Path]:
    return sorted(KUBERNETES.glob("overlays/*/worker-*.yaml"))


class TestSpecification:
    @pytest.mark.parametrize(
        "manifest", base_manifests(), ids=lambda item: f"{item['kind']}-{item['metadata']['name']}"
    )
    def test_valid(self, manifest: dict[str, Any]) -> None:
        """By Kubernetes' own schemas; KEDA's objects by their fields."""
        if manifest["kind"] != "ScaledObject":
            kubernetes(manifest)
            return
        assert manifest["apiVersion"] == "keda.sh/v1alpha1"
        assert set(manifest["spec"]) <= SCALED_FIELDS
        assert set(manifest["spec"]["scaleTargetRef"]) == {"name"}
        assert set(manifest["spec"]["fallback"]) == {"failureThreshold", "replicas"}

    def test_refuses_what_is_misspelled(self) -> None:
        """The schemas are no mere formality."""
        deployment = of_kind("Deployment")["worker-light"]
        deployment["spec"]["replica"] = 3
        with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
            kubernetes(deployment)

    @pytest.mark.parametrize("name", SCALED)
    def test_behaviour_of_scaling_is_kubernetes(self, name: str) -> None:
        """What a ScaledObject hands on to a HorizontalPodAutoscaler is valid there."""
        behaviour = SCALED[name]["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        spec = {"scaleTargetRef": {"kind": "Deployment", "name": "x"}, "maxReplicas": 1, "behavior": behaviour}
        kubernetes({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "spec": spec})

    def test_base_is_complete(self) -> None:
        """Every file is applied, and no other is named."""
        kustomization = yaml.safe_load((KUBERNETES / "base" / "kustomization.yaml").read_text())
        files = {path.name for path in (KUBERNETES / "base").glob("*.yaml")} - {"kustomization.yaml"}
        assert set(kustomization["resources"]) == files
        assert kustomization["configMapGenerator"] == [{"name": "vidsignal", "envs": ["settings.env"]}]
        assert kustomization["namespace"] in of_kind("Namespace")

    @pytest.mark.parametrize("name", OVERLAYS)
    def test_overlays_change_what_is_there(self, name: str) -> None:
        """Every patch is of a deployment and of a container that the base has."""
        named = {patch["path"] for patch in overlay(name).get("patches", ())}
        assert named == {path.name for path in patches() if path.parent.name == name}
        for path in named:
            patch = yaml.safe_load((KUBERNETES / "overlays" / name / path).read_text())
            assert patch["metadata"]["name"] in DEPLOYMENTS
            assert [each["name"] for each in patch["spec"]["template"]["spec"]["containers"]] == ["worker"]

    @pytest.mark.parametrize("name", OVERLAYS)
    @pytest.mark.skipif(
        shutil.which("kubectl") is None, reason="kubectl, which puts overlays together, is not installed"
    )
    def test_overlays_are_valid_as_a_whole(self, name: str) -> None:
        """What would be applied is valid."""
        command = ["kubectl", "kustomize", str(KUBERNETES / "overlays" / name)]
        built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        manifests = [each for each in yaml.safe_load_all(built) if each["kind"] != "ScaledObject"]
        assert {"Deployment", "Job", "ConfigMap"} <= {each["kind"] for each in manifests}
        for manifest in manifests:
            kubernetes(manifest)


class TestCommands:
    @pytest.mark.parametrize("name", PODS)
    def test_exist(self, name: str) -> None:
        """The command line takes every command with its options."""
        assert option_values(container(name)["args"])

    def test_every_role_runs_once(self) -> None:
        """What is left out would wait for ever."""
        running = [role for name in DEPLOYMENTS for role in roles_of(container(name)["args"])]
        assert sorted(running) == sorted(get_args(Role))

    def test_images_are_variants(self) -> None:
        """The light one runs nothing that needs models."""
        images = {name: container(name)["image"].partition(":")[2] for name in PODS}
        patched = [yaml.safe_load(path.read_text()) for path in patches()]
        tags = {each["spec"]["template"]["spec"]["containers"][0]["image"].partition(":")[2] for each in patched}
        assert set(images.values()) | tags == variants()
        assert {name for name, tag in images.items() if tag != "light"} == {"worker-media"}


class TestSettings:
    @pytest.mark.parametrize("name", PODS)
    def test_accepted(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every variable is a setting, with a value that a worker takes."""
        assert accepted_settings(monkeypatch, environment(name)).kafka_bootstrap_servers != "127.0.0.1:9092"

    @pytest.mark.parametrize("path", patches(), ids=lambda path: path.parent.name)
    def test_of_overlays_accepted(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The same of what overlays set; a device is said by name, so that none is missed without a word."""
        (patched,) = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]["containers"]
        changed = {each["name"]: each["value"] for each in patched["env"]}
        settings = accepted_settings(monkeypatch, environment("worker-media"), changed)
        limits = patched.get("resources", {}).get("limits", {})
        asked_for = [DEVICE_OF_RESOURCE[name] for name in limits]
        assert [settings.device] == (asked_for or ["cpu"])

    def test_cores_are_said(self) -> None:
        """The defaults of these count the cores of the machine and not those of the container."""
        own = {each["name"]: each["value"] for each in container("worker-media")["env"]}
        cores = container("worker-media")["resources"]["requests"]["cpu"]
        assert own["VIDSIGNAL_TORCH_THREADS"] == own["VIDSIGNAL_DECODE_PROCESSES"] == cores

    @pytest.mark.parametrize("name", PODS)
    def test_secrets_are_mounted_where_they_are_looked_for(self, name: str) -> None:
        """Read-only, in the folder of the settings, and from a secret of the pod's own."""
        (mount,) = [each for each in container(name)["volumeMounts"] if each["name"] == "secrets"]
        assert (mount["mountPath"], mount["readOnly"]) == (config_map()["VIDSIGNAL_SECRETS_DIR"], True)
        (secret,) = [each["secret"] for each in PODS[name]["spec"]["volumes"] if each["name"] == "secrets"]
        assert secret["secretName"] == f"vidsignal-{name.removeprefix('worker-').replace('topics', 'operator')}"

    def test_no_secret_is_written_down(self) -> None:
        """Neither as an object nor as a setting."""
        assert of_kind("Secret") == {}
        assert not [name for name in config_map() if "PASSWORD" in name]
        assert "@" not in config_map()["VIDSIGNAL_REDIS_URL"]

    def test_spool_fits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The folder takes more than the worker will put there, and the node keeps that much."""
        settings = accepted_settings(monkeypatch, environment("worker-media"))
        (spool,) = [each for each in PODS["worker-media"]["spec"]["volumes"] if each["name"] == "spool"]
        room = without_unit(spool["emptyDir"]["sizeLimit"])
        resources = container("worker-media")["resources"]
        assert room > settings.spool_max_bytes
        assert room <= without_unit(resources["requests"]["ephemeral-storage"])
        (mount,) = [each for each in container("worker-media")["volumeMounts"] if each["name"] == "spool"]
        assert mount["mountPath"] == str(settings.spool_dir)


class TestHealth:
    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_probes(self, name: str) -> None:
        """Alive and ready are different questions; both are asked where a worker answers."""
        paths = {
            kind: container(name)[kind]["httpGet"]["path"]
            for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
        assert set(paths.values()) <= served_paths()
        assert {container(name)[kind]["httpGet"]["port"] for kind in paths} == {"health"}

    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_ports(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those of the image's settings, for probes, scrapers and the network's rule alike."""
        settings = accepted_settings(monkeypatch, environment(name))
        ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
        assert ports == {"metrics": settings.metrics_port, "health": settings.health_port}
        assert PODS[name]["metadata"]["annotations"]["prometheus.io/port"] == str(settings.metrics_port)
        (rule,) = of_kind("NetworkPolicy")["metrics-only"]["spec"]["ingress"]
        assert [port["port"] for port in rule["ports"]] == [settings.metrics_port]

    def test_media_may_start_slowly(self) -> None:
        """Before it answers, the processor may be probed by two children of two minutes each, OpenVINO by two."""
        from operators.inference.cpu_probe import CANDIDATES
        from operators.inference.probe_answer import CHILD_SECONDS

        probe = container("worker-media")["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] > 2 * len(CANDIDATES) * CHILD_SECONDS

    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_stops_in_order(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The node waits longer than a worker can take to stop."""
        settings = accepted_settings(monkeypatch, environment(name))
        grace_seconds = PODS[name]["spec"]["terminationGracePeriodSeconds"]
        assert grace_seconds > settings.drain_timeout_seconds + _LONGEST_STOP_SECONDS


class TestSafety:
    @pytest.mark.parametrize("name", PODS)
    def test_little_is_allowed(self, name: str) -> None:
        """Not root, no capability, nothing to write to but what is named, no token: the level "restricted"."""
        spec = PODS[name]["spec"]
        user = spec["securityContext"]
        assert user["runAsNonRoot"] and f"{user['runAsUser']}:{user['runAsGroup']}" == "10001:10001"
        assert user["seccompProfile"] == {"type": "RuntimeDefault"}
        own = container(name)["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert spec["serviceAccountName"] in of_kind("ServiceAccount")
        assert (
            of_kind("Namespace")["vidsignal"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
            == "restricted"
        )

    @pytest.mark.parametrize("name", PODS)
    def test_resources_are_bounded(self, name: str) -> None:
        """Memory by request and limit; of processors no limit, which would only throttle."""
        resources = container(name)["resources"]
        assert without_unit(resources["requests"]["memory"]) <= without_unit(resources["limits"]["memory"])
        assert "cpu" in resources["requests"] and "cpu" not in resources["limits"]


class TestDisruption:
    def test_every_deployment_has_a_budget(self) -> None:
        """By the labels of its pods, and one that lets a node be drained."""
        selected = [item["spec"]["selector"]["matchLabels"] for item in of_kind("PodDisruptionBudget").values()]
        assert sorted(each["app.kubernetes.io/name"] for each in selected) == sorted(DEPLOYMENTS)
        assert all(item["spec"]["maxUnavailable"] != 0 for item in of_kind("PodDisruptionBudget").values())

    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_labels_fit(self, name: str) -> None:
        """Deployment, pods and the rule that spreads them mean the same pods."""
        labels = PODS[name]["metadata"]["labels"]
        spread = PODS[name]["spec"]["topologySpreadConstraints"]
        assert DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"] == labels == {"app.kubernetes.io/name": name}
        assert [each["labelSelector"]["matchLabels"] for each in spread] == [labels, labels]


class TestScaling:
    def test_scales_what_is_there(self) -> None:
        """Each is a deployment that says no number itself: two who say one would fight."""
        assert set(SCALED) == {"worker-media", "worker-engagement"}
        for name, item in SCALED.items():
            assert item["spec"]["scaleTargetRef"]["name"] == name
            assert "replicas" not in DEPLOYMENTS[name]["spec"]
        assert "replicas" in DEPLOYMENTS["worker-light"]["spec"]

    @pytest.mark.parametrize(
        ("name", "role", "topic"),
        [("worker-media", "media", UPLOADED.name), ("worker-engagement", "engagement", ENGAGEMENT.name)],
    )
    def test_watches_the_lag_of_the_role(self, name: str, role: Role, topic: str) -> None:
        """Topic and group are the product's, the brokers those of the pods' settings."""
        (trigger,) = SCALED[name]["spec"]["triggers"]
        assert trigger["type"] == "kafka" and set(trigger["metadata"]) == TRIGGER_FIELDS
        assert trigger["metadata"]["consumerGroup"] == group_of(read_settings(topic_prefix=""), role)
        assert trigger["metadata"]["topic"] == topic
        assert trigger["metadata"]["bootstrapServersFromEnv"] in config_map()
        assert trigger["metadata"]["offsetResetPolicy"] == "earliest"
        assert trigger["metadata"]["excludePersistentLag"] == "false", "what stands still waits, too"
        assert role in roles_of(container(name)["args"])

    @pytest.mark.parametrize("name", SCALED)
    def test_never_more_than_partitions_and_never_none(self, name: str) -> None:
        """One more would have nothing to do; with none nobody would try a deferred video again."""
        partitions = option_values(container("topics")["args"])["partitions"]
        spec = SCALED[name]["spec"]
        assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"] <= partitions
