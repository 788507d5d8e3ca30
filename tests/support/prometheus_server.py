"""A Prometheus on loopback, with our own alert rules, that reads the workers that it is told of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from ops.local.child import Child, start_child
from ops.local.lifetime import Lifetime
from ops.local.ports import ReservedPort
from tests.support.prometheus_package import PrometheusPrograms

_READY_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 30.0


class PrometheusRefuses(RuntimeError):
    """It did not take a query; the message holds the query and what was said."""


class PrometheusServer(Lifetime):
    """A server on a free port, from `open` to `close`.

    Args:
        folder: an empty folder of its own.
        programs: of `tests.support.prometheus_package`.
        configuration: a configuration file as the fleet uses it; its targets are replaced by ours.
        targets: `host:port` of each worker's metrics.
        scrape_seconds: between two readings.
    """

    def __init__(
        self,
        folder: Path,
        programs: PrometheusPrograms,
        configuration: Path,
        targets: Sequence[str],
        *,
        scrape_seconds: float = 1.0,
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._configuration = configuration
        self._targets = tuple(targets)
        self._scrape_seconds = scrape_seconds
        self._port: ReservedPort | None = None
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """`host:port` of its interface."""
        if self._port is None:
            raise RuntimeError("Prometheus is not open")
        return self._port.address

    def open(self) -> None:
        """Start and wait until it is ready to be asked."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = ReservedPort()
        path = self._folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(self._local_configuration()), encoding="utf-8")
        self._child = start_child("Prometheus", self._command(path), log_path=self._folder / "prometheus.log")
        self._child.await_ready(self._is_ready, _READY_SECONDS)

    def close(self) -> None:
        """Stop."""
        if self._child is not None:
            self._child.stop(_STOP_SECONDS)
            self._child = None
        if self._port is not None:
            self._port.close()
            self._port = None

    def query(self, expression: str, at_unix_seconds: float | None = None) -> list[dict[str, Any]]:
        """The series that an expression has, now or at a moment of the past, each with `metric` and `value`.

        Raises:
            PrometheusRefuses: the expression is wrong.
        """
        moment = {} if at_unix_seconds is None else {"time": f"{at_unix_seconds:.3f}"}
        found: list[dict[str, Any]] = self._ask("query", query=expression, **moment)["result"]
        return found

    def alert_rules(self) -> list[dict[str, Any]]:
        """Every alert rule as it stands: `name`, `query`, `health`, `state` and others."""
        groups = self._ask("rules", type="alert")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _ask(self, what: str, **fields: str) -> dict[str, Any]:
        address = f"http://{self.address}/api/v1/{what}?{urlencode(fields)}"
        try:
            with urlopen(address, timeout=_ANSWER_SECONDS) as answer:
                content = json.load(answer)
        except URLError as error:
            said = error.read().decode(errors="replace") if hasattr(error, "read") else str(error)
            raise PrometheusRefuses(f"{what} {fields}: {said}") from error
        data: dict[str, Any] = content["data"]
        return data

    def _local_configuration(self) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load(self._configuration.read_text(encoding="utf-8"))
        seconds = f"{int(self._scrape_seconds * 1000)}ms"
        content["global"] |= {"scrape_interval": seconds, "scrape_timeout": seconds, "evaluation_interval": seconds}
        rules = [str(self._configuration.parent / Path(name).name) for name in content["rule_files"]]
        jobs = [
            {"job_name": job["job_name"], "static_configs": [{"targets": list(self._targets)}]}
            for job in content["scrape_configs"]
        ]
        return {**content, "rule_files": rules, "scrape_configs": jobs}

    def _command(self, configuration: Path) -> list[str]:
        return [
            str(self._programs.server),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--log.level=warn",
        ]

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://{self.address}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, TimeoutError):
            return False
