"""What the doctor says of this machine: each examination in a good world and in a bad one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from models.card_registry import CARDS
from models.model_files import WeightFile
from ops.doctor import clock, codecs, device, disk, installation, media, memory, policy, ports, sandbox, weights
from ops.doctor.finding import Finding
from ops.doctor.memory import Allowance
from ops.doctor.probe_process import ProbeFailed, ask_process
from ops.local.ports import ReservedPort
from streams.config.settings import InvalidSettings
from streams.consumer.version_checks import WrongVersion
from streams.monitoring.metrics_endpoint import MetricsEndpoint
from tests.doctor_world import about, context, only

GIBIBYTE = 2**30
FOUND = {"best": "cpu", "torch": "2.11.0", "cuda_devices": [], "has_cuda_bfloat16": False}
WHOLE = {
    "network": True, "no_new_privileges": True, "memory": True, "files": True,
    "system_call_filter": False, "user_namespaces": "0",
}  # fmt: skip
DECODERS = {"decode_processes": 2, "decode_memory_bytes": 3 * GIBIBYTE, "max_concurrent_videos": 8}


def states(findings: Any) -> set[str]:
    return {finding.state for finding in findings}


class TestInstallation:
    def test_well(self) -> None:
        """Pinned packages and usual settings give no complaint."""
        assert states(installation.examine(context())) == {"ok"}

    def test_wrong_package(self) -> None:
        """Another version of a pinned package is wrong."""

        def check() -> None:
            raise WrongVersion("installed: aiokafka 0.1, expected 0.14.0")

        finding = about(installation.examine(context(), check), "packages")
        assert finding.state == "wrong"
        assert "constraints.txt" in finding.do

    def test_endpoint_for_everybody(self) -> None:
        """Metrics and video ids on every interface are worth a warning."""
        here = context(metrics_port=9464, metrics_host="0.0.0.0")
        assert about(installation.examine(here), "settings").state == "warning"

    def test_no_roles(self) -> None:
        """A worker that would do nothing is wrong."""
        assert about(installation.examine(context(roles="")), "settings").state == "wrong"

    def test_unreadable_settings(self) -> None:
        """The message of the settings is the finding."""
        finding = installation.unreadable_settings(InvalidSettings("setting slots is 'x'"))
        assert (finding.state, finding.found) == ("wrong", "setting slots is 'x'")


class TestPolicy:
    def test_default(self) -> None:
        """The packaged files are well."""
        assert [finding.state for finding in policy.examine(context())] == ["ok", "ok"]

    def test_broken(self, tmp_path: Path) -> None:
        """A policy that no worker would take is wrong, and the command that explains it is named."""
        path = tmp_path / "policy.yaml"
        path.write_text("name: mine\nversion: one\nrules: []\n")
        finding = about(policy.examine(context(policy_file=path)), "file")
        assert finding.state == "wrong"
        assert finding.do == f"vidsignal policy check {path}"

    def test_broken_prototypes(self, tmp_path: Path) -> None:
        """Prototypes that no worker would take are wrong, with the place of the mistake."""
        path = tmp_path / "prototypes.yaml"
        path.write_text("name: mine\nversion: one\n")
        finding = about(policy.examine(context(prototypes_file=path)), "prototypes")
        assert (finding.state, "lacks the key" in finding.found) == ("wrong", True)


class TestClock:
    def test_without_servers(self) -> None:
        """Only the machine itself can be looked at."""
        findings = list(clock.examine(context()))
        assert [finding.state for finding in findings] == ["ok", "not-checked", "not-checked"]

    def test_clock_of_long_ago(self) -> None:
        """A clock before the release is wrong."""
        finding = about(clock.examine(context(), now=lambda: 1_000_000.0), "this machine")
        assert finding.state == "wrong"
        assert "NTP" in finding.do

    @pytest.mark.parametrize(
        ("ahead_seconds", "uncertainty_seconds", "state"),
        [(0.2, 0.01, "ok"), (-0.9, 0.0, "ok"), (1.5, 0.1, "warning"), (-3.0, 0.1, "warning"), (60.0, 0.1, "wrong"),
         (3.0, 2.5, "ok"), (-11.0, 0.5, "wrong")],
    )  # fmt: skip
    def test_skew(self, ahead_seconds: float, uncertainty_seconds: float, state: str) -> None:
        """A difference counts only as far as it is certain, whichever clock is ahead."""
        finding = clock.judge_skew("against Redis", ahead_seconds, uncertainty_seconds=uncertainty_seconds)
        assert finding.state == state

    def test_against_a_store(self) -> None:
        """The middle between question and answer is compared with what the store says."""

        class Store:
            def time(self) -> tuple[int, int]:
                return (1_800_000_030, 500_000)

        moments = iter([1_800_000_000.0, 1_800_000_000.0, 1_800_000_001.0])
        finding = about(clock.examine(context(store=Store()), now=lambda: next(moments)), "against Redis")
        assert finding.found == "Redis is 30.000 s ahead, give or take 0.500 s"
        assert finding.state == "wrong"

    @pytest.mark.parametrize(
        ("ahead_seconds", "state"), [(-3600.0, "ok"), (0.5, "ok"), (5.0, "warning"), (60.0, "wrong")]
    )
    def test_newest_upload(self, ahead_seconds: float, state: str) -> None:
        """An upload may be old, but not of the future."""
        assert clock.judge_newest(ahead_seconds).state == state


class TestDevice:
    def test_cpu(self, tmp_path: Path) -> None:
        """Auto on a machine without accelerator; what was never probed is not claimed."""
        findings = list(device.examine(context(cache_dir=tmp_path), ask=lambda _: FOUND))
        assert about(findings, "backend").state == "ok"
        assert about(findings, "precision").state == "not-checked"

    @pytest.mark.parametrize("name", ["cuda", "neuron"])
    def test_missing_accelerator(self, tmp_path: Path, name: str) -> None:
        """A device that the settings name and the machine lacks is wrong."""
        findings = list(device.examine(context(cache_dir=tmp_path, device=name), ask=lambda _: FOUND))
        assert about(findings, "backend").state == "wrong"
        assert "VIDSIGNAL_DEVICE=auto" in about(findings, "backend").do

    def test_idle_accelerator(self, tmp_path: Path) -> None:
        """An accelerator that the settings leave idle is worth a warning."""
        found = FOUND | {"best": "cuda", "cuda_devices": ["H100"], "has_cuda_bfloat16": True}
        findings = list(device.examine(context(cache_dir=tmp_path, device="cpu"), ask=lambda _: found))
        assert about(findings, "backend").state == "warning"

    def test_bfloat16_that_is_none(self, tmp_path: Path) -> None:
        """A precision that the device does not offer is wrong."""
        found = FOUND | {"best": "cuda", "cuda_devices": ["old"]}
        findings = list(device.examine(context(cache_dir=tmp_path, precision="bfloat16"), ask=lambda _: found))
        assert about(findings, "precision").state == "wrong"

    def test_torch_that_dies(self, tmp_path: Path) -> None:
        """A driver that ends the process is wrong; one that is only slow was not checked."""

        def dies(_: str) -> Any:
            raise ProbeFailed("died of signal 11")

        def is_slow(_: str) -> Any:
            raise ProbeFailed("no answer within 10 s")

        assert only(device.examine(context(cache_dir=tmp_path), ask=dies)).state == "wrong"
        assert only(device.examine(context(cache_dir=tmp_path), ask=is_slow)).state == "not-checked"


class TestCodecs:
    def test_installed(self) -> None:
        """The wheel of this installation holds every decoder that is needed."""
        assert states(codecs.examine(context())) == {"ok"}

    def test_hardware_decoder_is_none(self) -> None:
        """FFmpeg's own `av1` decodes nothing without hardware, so it does not count."""
        finding = about(
            codecs.examine(context(), has=lambda name: name != "libdav1d" and not name.startswith("libaom")), "decoders"
        )
        assert finding.state == "wrong"
        assert finding.found.endswith("none for av1")


class TestWeights:
    def card(self, sha256: str) -> Any:
        card = CARDS["silero-vad"]
        return replace(card, files=(WeightFile(package="made-up==1.0", member="w.bin", sha256=sha256),))

    def test_well(self, tmp_path: Path) -> None:
        """A file with the card's hash is well."""
        path = tmp_path / "weights" / "made-up-1.0" / "w.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"abc")
        card = self.card("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        assert only(weights.examine(context(cache_dir=tmp_path), [card])).state == "ok"

    def test_corrupt(self, tmp_path: Path) -> None:
        """One changed byte is wrong, and the command that fetches again is named."""
        path = tmp_path / "weights" / "made-up-1.0" / "w.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"abd")
        card = self.card("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        finding = only(weights.examine(context(cache_dir=tmp_path), [card]))
        assert (finding.subject, finding.state) == ("silero-vad", "wrong")
        assert "vidsignal models fetch" in finding.do

    def test_missing(self, tmp_path: Path) -> None:
        """An empty cache names every model."""
        findings = list(weights.examine(context(cache_dir=tmp_path)))
        assert [finding.subject for finding in findings] == list(CARDS)
        assert states(findings) == {"wrong"}


class TestSandbox:
    def test_here(self) -> None:
        """A process locks itself in as decoders do, and its limits are in force on this kernel."""
        assert about(sandbox.examine(context()), "limits").state == "ok"

    def test_without_namespaces(self) -> None:
        """A network within reach is a warning with the switch that helps."""
        findings = list(sandbox.examine(context(), ask=lambda *_: WHOLE | {"network": False}))
        assert about(findings, "network").state == "warning"
        assert "user.max_user_namespaces" in about(findings, "network").do
        assert about(findings, "limits").state == "ok"

    def test_without_limits(self) -> None:
        """A limit that is not in force is wrong."""
        findings = list(sandbox.examine(context(), ask=lambda *_: WHOLE | {"memory": False}))
        assert about(findings, "limits").found == "not in force: memory limit"

    def test_that_fails(self) -> None:
        """A lock-down that the kernel refuses is wrong."""

        def fails(*_: str) -> Any:
            raise ProbeFailed("OSError: prctl failed")

        assert only(sandbox.examine(context(), ask=fails)).state == "wrong"


class TestAskProcess:
    def test_failure_is_told(self) -> None:
        """A process that fails is quoted by its last line."""
        with pytest.raises(ProbeFailed, match=r"No module named ops\.doctor\.nowhere"):
            ask_process("ops.doctor.nowhere", timeout_seconds=60)


class TestMedia:
    def test_folders(self, tmp_path: Path) -> None:
        """A folder is well; a missing one and a file are wrong."""
        (tmp_path / "file").touch()
        roots = f"{tmp_path},{tmp_path / 'missing'},{tmp_path / 'file'}"
        found = [finding.state for finding in media.examine(context(media_roots=roots))]
        assert found == ["ok", "wrong", "wrong"]

    def test_unreadable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A folder that the worker's user may not read is wrong."""
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert only(media.examine(context(media_roots=str(tmp_path)))).state == "wrong"

    def test_nothing_named(self) -> None:
        """No folder and no prefix is a warning: URLs may still be meant."""
        assert only(media.examine(context())).state == "warning"

    def test_prefixes(self) -> None:
        """Prefixes of objects are enough."""
        assert only(media.examine(context(object_prefixes="s3://uploads/"))).state == "ok"


class TestDisk:
    @pytest.mark.parametrize(
        ("free_bytes", "cache", "spool"),
        [
            (64 * GIBIBYTE, "ok", "ok"),
            (8 * GIBIBYTE, "ok", "warning"),
            (GIBIBYTE, "ok", "wrong"),
            (1024, "warning", "wrong"),
        ],
    )
    def test_room(self, free_bytes: int, cache: str, spool: str) -> None:
        """Room is compared with what a worker may take: 16 GiB of spool by default."""
        findings = list(disk.examine(context(), free=lambda _: free_bytes))
        assert (about(findings, "cache").state, about(findings, "spool").state) == (cache, spool)

    def test_compiled_models(self, tmp_path: Path) -> None:
        """A folder that others can enter is not used, so that each start compiles; light roles need none."""
        findings = list(disk.examine(context(compiled_dir=tmp_path / "new"), free=lambda _: 0))
        assert about(findings, "compiled models").state == "ok"
        (tmp_path / "open").mkdir(mode=0o755)
        findings = list(disk.examine(context(compiled_dir=tmp_path / "open"), free=lambda _: 0))
        assert about(findings, "compiled models").state == "warning"
        light = context(compiled_dir=tmp_path / "open", roles="intake")
        assert "compiled models" not in {finding.subject for finding in disk.examine(light, free=lambda _: 0)}

    def test_folder_that_is_to_be_made(self, tmp_path: Path) -> None:
        """The room of a folder that does not exist is that of the one it will be made in."""
        assert disk.free_bytes(tmp_path / "not" / "yet") > 0


class TestMemory:
    @pytest.mark.parametrize(
        ("there", "state"), [(16 * GIBIBYTE, "ok"), (4 * GIBIBYTE, "warning"), (GIBIBYTE, "wrong")]
    )
    def test_memory(self, there: int, state: str) -> None:
        """A worker and the most that its decoders may take are compared with what there is."""
        findings = memory.examine(context(**DECODERS), Allowance(there, 100_000))
        assert about(findings, "memory").state == state

    @pytest.mark.parametrize(("allowed", "state"), [(4096, "ok"), (-1, "ok"), (100, "wrong")])
    def test_open_files(self, allowed: int, state: str) -> None:
        """Connections and media have to be openable all at once; -1 is the kernel's word for unlimited."""
        finding = about(memory.examine(context(**DECODERS), Allowance(16 * GIBIBYTE, allowed)), "open files")
        assert finding.state == state

    def test_here(self) -> None:
        """This machine can be asked."""
        allowed = memory.allowance()
        assert allowed.memory_bytes > 0


class TestPorts:
    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Somebody at a terminal waits for two seconds, a test on a busy machine for longer."""
        monkeypatch.setattr("ops.doctor.ports._ANSWER_SECONDS", 60.0)

    def metrics(self, **settings: object) -> Finding:
        return about(ports.examine(context(**settings)), "metrics")

    def test_unset(self) -> None:
        """No endpoint at all is a warning, for both."""
        assert states(ports.examine(context())) == {"warning"}

    def test_free(self) -> None:
        """A port that nobody has is well."""
        with ReservedPort() as port:
            number = port.number
        assert self.metrics(metrics_port=number).found.endswith("is free")

    def test_any(self) -> None:
        """Port 0 is always free."""
        assert self.metrics(metrics_port=0).state == "ok"

    def test_taken_by_a_worker(self) -> None:
        """A worker's own endpoint is well."""
        endpoint = MetricsEndpoint("127.0.0.1", 0, list)
        endpoint.serve()
        try:
            finding = self.metrics(metrics_port=endpoint.port)
        finally:
            endpoint.close()
        assert (finding.state, "a worker answers" in finding.found) == ("ok", True)

    @pytest.mark.parametrize("answers", [lambda: _Silent(), lambda: _OtherService()])
    def test_taken_by_somebody_else(self, answers: Callable[[], Any]) -> None:
        """Anyone who listens and is no worker is in the way."""
        with answers() as other:
            finding = self.metrics(metrics_port=other.port)
        assert finding.state == "wrong"
        assert "ss -ltnp" in finding.do

    def test_foreign_address(self) -> None:
        """An address that this machine does not have is wrong."""
        assert self.metrics(metrics_port=9464, metrics_host="192.0.2.1").state == "wrong"


class _Silent:
    """Listens and says nothing; hangs up when asked."""

    def __enter__(self) -> _Silent:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        Thread(target=self._hang_up, daemon=True).start()
        return self

    def _hang_up(self) -> None:
        self._socket.accept()[0].close()

    def __exit__(self, *failure: object) -> None:
        self._socket.close()


class _OtherService:
    """Another web server."""

    def __enter__(self) -> _OtherService:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()
