"""What follows an error in the work on one event: another attempt, an answer, or raising the error."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from operators.errors import (
    DeviceFault,
    DeviceLost,
    InvalidMedia,
    ModelFault,
    Overloaded,
    SourceUnavailable,
)
from operators.internal_errors import InternalError
from schemas.errors import InvalidEvent
from schemas.facts import Failure
from streams.delivery.deferred_events import DeferredEvents
from streams.delivery.own_faults import cause_of_unavailability
from streams.delivery.unexpected import answer_to, report
from streams.observability import metrics
from streams.record import Record

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Limits on the attempts of a role's events."""

    role: str
    device_fault_attempts: int
    """Device faults until one becomes an answer."""
    internal_error_attempts: int | None
    """Unexpected errors until one becomes an answer; None if the role does not answer them."""
    deferred_events: DeferredEvents | None
    """Decides how long unavailable media is waited for; None if it is answered at once."""

    def is_enough(self, error: InternalError, num_errors: int) -> bool:
        """Return whether an unexpected error has occurred often enough."""
        return max(num_errors, error.num_tries) >= (self.internal_error_attempts or 1)


@dataclass(slots=True)
class EventRetries:
    """The attempts of one event by one agent."""

    rules: RetryRules
    record: Record
    num_device_faults: int = field(init=False, default=0)
    num_internal_errors: int = field(init=False, default=0)

    def judge(self, error: Exception) -> Failure | None:
        """Return why there is no result, or None for another attempt; raise errors that are handled elsewhere."""
        match error:
            case InvalidEvent() | InvalidMedia():
                return Failure(cause=error.cause, message=error.message)
            case DeviceFault() if not isinstance(error, DeviceLost):
                return self._judge_device_fault(error)
            case SourceUnavailable():
                return self._judge_source(error)
            case Overloaded():
                metrics.RETRIES.labels("overloaded").inc()
                return None
            case InternalError():
                return self._judge_internal_error(error)
            case _:
                raise error

    def _judge_device_fault(self, fault: DeviceFault) -> Failure | None:
        self.num_device_faults += 1
        if self.num_device_faults >= self.rules.device_fault_attempts:
            cause = "model-fault" if isinstance(fault, ModelFault) else "device-fault"
            return Failure(cause=cause, message=str(fault))
        _log.warning("device fault; retrying", error=repr(fault), num_faults=self.num_device_faults)
        return None

    def _judge_source(self, unavailable: SourceUnavailable) -> Failure:
        if self.rules.deferred_events is not None and self.rules.deferred_events.may_wait_for(self.record):
            raise unavailable
        return Failure(cause=cause_of_unavailability(unavailable), message=str(unavailable))

    def _judge_internal_error(self, error: InternalError) -> Failure | None:
        report(error, self.rules.role, self.record.place)
        if self.rules.internal_error_attempts is None:
            raise error
        self.num_internal_errors += 1
        return answer_to(error) if self.rules.is_enough(error, self.num_internal_errors) else None
