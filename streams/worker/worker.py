"""A worker: one process that runs the roles its settings name. The composition root of `streams`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog

from models.card_errors import CardInvalid
from models.weights import WeightsCorrupt, WeightsMissing
from operators.inference.compute_mode import ModeUnavailable
from operators.inference.cpu_probe import CpuCapabilities
from schemas.topics import ENGAGEMENT
from streams.analysis.observers import CpuMetrics, DecodeMetrics, InferenceMetrics
from streams.analysis.prototypes_file import load_prototypes
from streams.analysis.server_reaching import keep_reaching
from streams.config.running_models import running_cards
from streams.config.settings import InvalidSettings, Settings, read_settings
from streams.config.unknown_variables import unknown_variables
from streams.consumer.role_app import RoleApp, RoleSpec
from streams.consumer.version_checks import WrongVersion, check_versions
from streams.costs.cpu_account import keep_account, open_light_account
from streams.decision.policy import Policy
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy
from streams.kafka.clients import BrokerRefuses
from streams.kafka.group_names import group_of
from streams.kafka.rights import require_rights
from streams.kafka.stamps import check_stamps
from streams.lifecycle.clock import SystemClock
from streams.lifecycle.fatal_error import FatalError, WorkerExit
from streams.lifecycle.parent import Family, run_under_parent
from streams.lifecycle.process_setup import prepare_process
from streams.lifecycle.worker_threads import LoopThreads, leave
from streams.monitoring.endpoint import HealthPortTaken
from streams.monitoring.health_watch import HealthWatch
from streams.monitoring.metric_series import begin_series
from streams.monitoring.metrics_endpoint import MetricsEndpoint, MetricsPortTaken
from streams.monitoring.overrun import limit_stop
from streams.observability import metrics
from streams.observability.logs import configure_logs
from streams.observability.tracing import spans
from streams.observability.tracing.opening import traced
from streams.progress.watch_thread import WatchThread
from streams.store.refusals import StoreRefuses
from streams.worker.note_death import note_command
from streams.worker.opening import open_shared, open_worker_engine
from streams.worker.roles import (
    backfill_gate,
    backfill_spec,
    engagement_role,
    intake_spec,
    is_backfill_paused,
    media_spec,
    verdict_background_work,
    verdict_role,
    verdict_spec,
)
from streams.worker.running_roles import RunningRoles
from streams.worker.shared import Shared
from streams.worker.supervised_tasks import SupervisedTasks

if TYPE_CHECKING:
    from streams.analysis.engine import Engine, EngineOptions

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_LONGEST_STOP_SECONDS: Final = 14.0
"""In addition to the drain; after that the process is ended, and unfinished events are redelivered."""
MISCONFIGURATIONS: Final = (
    InvalidPolicy, WrongVersion, CardInvalid, WeightsMissing, WeightsCorrupt, ModeUnavailable, BrokerRefuses,
    StoreRefuses, HealthPortTaken, MetricsPortTaken,
)  # fmt: skip
"""Errors that a restart does not fix; logged in one line, without a traceback."""
_ANALYSING: Final = frozenset(("media", "backfill"))
"""Roles that need an engine."""
_CRASH_CHECK_SECONDS: Final = 0.5

_log = structlog.get_logger(__name__)


def counted_options() -> EngineOptions:
    """Return the usual parts, with metrics; imports torch."""
    from streams.analysis.engine import EngineOptions

    return EngineOptions(
        decode_observer=DecodeMetrics(),
        inference_observer=InferenceMetrics,
        cpu_observer=CpuMetrics(),
        tracer=spans.for_operators(),
    )


def run_worker(settings: Settings, engine_options: Callable[[], EngineOptions] = counted_options) -> int:
    """Run until a signal stops it, or a fatal error occurs; return the exit code.

    Prints one line of JSON to standard output when models are warm and every role has joined its group; its `missing`
    names the models that wait for their server, if there are some.

    Args:
        settings: of the process.
        engine_options: called once the process is prepared for torch, and only if media are analysed.
    """
    configure_logs(settings.log_format, settings.log_level)
    work = partial(_run_worker, settings, engine_options)
    return run_under_parent(work, note_command())


def _run_worker(settings: Settings, engine_options: Callable[[], EngineOptions], family: Family) -> int:
    try:
        check_versions()
        policy = load_policy(settings.policy_file)
        running_cards(settings)  # an invalid card is reported before anything is opened
        load_prototypes(settings.prototypes_file)
        capabilities = prepare_process(settings) if _ANALYSING.intersection(settings.roles) else None
        with traced(settings), asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(LoopThreads())
            exit_code = runner.run(Worker(settings, policy, capabilities, engine_options, family).run())
        return leave(exit_code)
    except MISCONFIGURATIONS as error:
        sys.stderr.write(f"vidsignal: {error}\n")
        return leave(WorkerExit.MISCONFIGURED)  # a thread may still wait for a broker


class Worker:
    """Everything that one process has open.

    Args:
        settings: of the process.
        policy: of the verdict role.
        capabilities: of the CPU; None without the media and backfill roles.
        engine_options: of the engine that these two share.
        family: the process that was started, which survives the worker.
    """

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        capabilities: CpuCapabilities | None,
        engine_options: Callable[[], EngineOptions] = counted_options,
        family: Family | None = None,
    ) -> None:
        self._settings = settings
        self._family = family or Family(os.getpid())
        self._policy = policy
        self._capabilities = capabilities
        self._engine_options = engine_options
        self._clock = SystemClock()
        self._worker_id = uuid4().hex
        self._roles = RunningRoles()
        self._health = HealthWatch(settings, self._roles.has_joined)
        self._fatal_error = FatalError(self._take_nothing_new)
        self._tasks = SupervisedTasks(self._fatal_error)

    async def run(self) -> int:
        """Open, serve, close; return the exit code."""
        self._stopped = asyncio.Event()
        self._watch = self._new_watch()
        for number in _STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._stopped.set)
        async with AsyncExitStack() as opened:
            try:
                self._metrics = self._new_metrics()
                self._health.open(opened)
                self._watch.open()
                await self._tasks.run_until_ended(self._serve(opened), self._stopped, MISCONFIGURATIONS)
            except MISCONFIGURATIONS:
                self._fatal_error.exit_code = WorkerExit.MISCONFIGURED
                raise
            finally:
                self._take_nothing_new()
                self._limit_stop()
                await asyncio.to_thread(self._watch.close)
                await self._stop_all()
        if self._fatal_error.reason:
            _log.critical(
                "worker exits after a fatal error",
                exit_code=int(self._fatal_error.exit_code),
                reason=self._fatal_error.reason,
            )
        return self._fatal_error.exit_code

    async def _serve(self, opened: AsyncExitStack) -> None:
        """Open everything, report readiness, and wait forever."""
        self._tasks.spawn(self._look_for_crashes())
        shared = await open_shared(
            self._settings, self._clock, self._family.board, opened, on_failure=self._tasks.report_from_thread()
        )
        self._tasks.spawn(check_stamps(self._settings))
        self._tasks.spawn(self._health.ask(shared.questions(), self._clock))
        # Models take long to warm up; the light roles join meanwhile, so that uploads are accepted.
        _, device = await asyncio.gather(self._join_light_roles(shared), self._join_heavy_roles(shared, opened))
        self._say_ready(device)
        await asyncio.Event().wait()

    async def _join_light_roles(self, shared: Shared) -> None:
        specs = []
        if "intake" in self._settings.roles:
            specs.append(intake_spec(shared))
        if "verdict" in self._settings.roles:
            folding = verdict_role(shared, self._policy)
            specs.append(verdict_spec(shared, folding))
            for work in verdict_background_work(shared, self._policy):
                self._tasks.spawn(work)
        await asyncio.gather(self._join_engagement_role(shared), *(self._join(spec) for spec in specs))

    async def _join_engagement_role(self, shared: Shared) -> None:
        if "engagement" not in self._settings.roles:
            return
        topic = self._settings.topic_prefix + ENGAGEMENT.name
        await require_rights(self._settings, topic, group_of(self._settings, "engagement"))
        role = engagement_role(shared, self._fatal_error, self._worker_id)
        self._roles.add_engagement(role)
        self._watch.watch(role.watched)
        role.start()
        await role.joined.wait()

    async def _join_heavy_roles(self, shared: Shared, opened: AsyncExitStack) -> str | None:
        """Return the name of the device; None without a role that needs one."""
        if self._capabilities is None:
            self._tasks.spawn(keep_account(open_light_account(CpuMetrics()), self._clock))
            return None
        engine = await open_worker_engine(
            self._settings, self._capabilities, self._engine_options, self._family.parent_id, opened
        )
        self._tasks.spawn(keep_account(engine.account, self._clock))
        self._watch_servers(engine)
        specs = []
        if "media" in self._settings.roles:
            specs.append(media_spec(shared, engine))
        if "backfill" in self._settings.roles:
            gate = backfill_gate(shared, engine, num_live=lambda: self._roles.num_live_slots)
            self._tasks.spawn(gate.watch())
            self._tasks.spawn(gate.watch_pause(lambda: is_backfill_paused(shared)))
            specs.append(backfill_spec(shared, engine, gate))
        await asyncio.gather(*(self._join(spec) for spec in specs))
        return engine.device

    def _watch_servers(self, engine: Engine) -> None:
        """Models whose server does not answer end no worker: it is not ready, and their videos wait."""
        self._health.state.server_problems = engine.inference.server_problems
        metrics.MODELS_WAITING.set_function(lambda: len(engine.inference.server_problems()))
        self._tasks.spawn(keep_reaching(engine.inference, engine.breakers, self._clock))

    async def _join(self, spec: RoleSpec) -> None:
        topic = self._settings.topic_prefix + spec.topic.name
        await require_rights(self._settings, topic, group_of(self._settings, spec.role))
        role = self._new_role(spec)
        self._roles.add(role)
        self._watch.watch(role.watched)
        self._tasks.spawn(role.unfinished.watch())
        await role.start()
        await role.joined.wait()

    def _new_role(self, spec: RoleSpec) -> RoleApp:
        return RoleApp(self._settings, spec, self._fatal_error, self._clock, self._worker_id)

    async def _stop_all(self) -> None:
        _log.info("shutting down", exit_code=int(self._fatal_error.exit_code))
        await self._tasks.cancel()
        await self._roles.stop()

    def _take_nothing_new(self) -> None:
        self._health.state.is_draining = True

    def _new_watch(self) -> WatchThread:
        """Return the thread that watches the roles; none runs yet."""
        watch = WatchThread(self._settings, self._worker_id, self._fatal_error.report)
        self._health.state.stuck_roles = lambda: watch.watchdog.stuck
        self._health.state.reports = lambda: watch.watchdog.reports
        return watch

    async def _look_for_crashes(self) -> None:
        while True:
            await self._clock.sleep(_CRASH_CHECK_SECONDS)
            self._roles.report_crashes()

    def _say_ready(self, device: str | None) -> None:
        begin_series(self._settings, device)
        line = {
            "event": "ready",
            "process_id": self._family.process_id,
            "roles": list(self._settings.roles),
            "device": device,
            "metrics_port": self._serve_metrics(),
            "health_port": self._health.port,
        }
        if problems := self._health.state.server_problems():
            line["missing"] = list(problems)
        self._health.state.is_serving = True
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def _new_metrics(self) -> MetricsEndpoint | None:
        if self._settings.metrics_port is None:
            return None
        host, port = self._settings.metrics_host, self._settings.metrics_port
        return MetricsEndpoint(host, port, self._roles.unfinished_events)

    def _serve_metrics(self) -> int | None:
        if self._metrics is None:
            return None
        self._metrics.serve()
        return self._metrics.port

    def _limit_stop(self) -> None:
        limit_stop(
            self._settings.drain_timeout_seconds + _LONGEST_STOP_SECONDS,
            exit_code=lambda: self._fatal_error.exit_code or WorkerExit.STOP_OVERRAN,
            roles=lambda: self._roles.not_stopped,
            events=self._roles.unfinished_events,
        )


def main() -> int:
    """Run a worker from the settings alone."""
    try:
        settings = read_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"vidsignal: {error}\n")
        return WorkerExit.MISCONFIGURED
    for line in unknown_variables():
        sys.stderr.write(f"vidsignal: warning: {line}\n")
    return run_worker(settings)


if __name__ == "__main__":
    sys.exit(main())
