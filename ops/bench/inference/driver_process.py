"""The process of one competitor of `bench inference`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ops.bench.inference.benched_model import BenchedModel
from ops.bench.turn_process import TurnProcess


class DriverProcess(TurnProcess):
    """A competitor with one model."""

    def __init__(
        self, name: str, benched: BenchedModel, log_path: Path, python: str, environment: Mapping[str, str]
    ) -> None:
        command = [python, "-P", "-m", "ops.bench.inference.driver", name, json.dumps(benched.as_json())]
        super().__init__(name, command, log_path, environment)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The batch sizes that it uses."""
        return tuple(self.said["sizes"])
