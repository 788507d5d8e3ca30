"""What readers should see of a video according to its outcome, and what they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.codec import encode
from schemas.evidence import Embedding, Feature
from schemas.identity import Modality
from schemas.outcomes import Outcome
from streams.decision.state import VideoState
from streams.store.stored_case import StoredVideo
from streams.store.video_statuses import warning_fields


@dataclass(frozen=True, slots=True)
class Served:
    """Stored state and outcome of a video, and what readers see of it."""

    case: StoredVideo
    status: Mapping[bytes, bytes]
    verdict: bytes | None
    features: Mapping[bytes, bytes]
    embeddings: Mapping[bytes, bytes]

    def differences(self) -> list[str]:
        """Return names of keys that differ from the outcome; a newer revision that intake registered may differ."""
        state, outcome = self.case.state, self.case.outcome
        if state is None or outcome is None:
            return []
        pairs = {
            "verdict": (encode(outcome.verdict), self.verdict),
            "features": (_bytes(encoded(outcome.record.features)), self.features),
            "embeddings": (_bytes(encoded(outcome.record.embeddings)), self.embeddings),
            "status": (_bytes(status_of(state, outcome)), _without_gap(self.status)),
        }
        if _number(self.status.get(b"revision")) > outcome.version.revision:
            del pairs["status"]
        return [name for name, (wanted, found) in pairs.items() if wanted != found]


def status_of(state: VideoState, outcome: Outcome) -> dict[str, str | int | float]:
    """Return the status hash, including warnings."""
    accepted = state.accepted
    fields = status_fields(outcome, accepted.expected if accepted else ())
    return {**fields, **warning_fields(accepted.warnings if accepted else ())}


def status_fields(outcome: Outcome, expected: Sequence[Modality]) -> dict[str, str | int | float]:
    """Return the fields of the status hash for an outcome, without warnings."""
    verdict, version = outcome.verdict, outcome.version
    states = verdict.modalities
    return {
        "status": verdict.status,
        "action": verdict.action,
        "revision": version.revision,
        "log_generation": version.generation,
        "offset": version.offset,
        "expected": ",".join(expected),
        "present": ",".join(states.present),
        "absent": ",".join(states.absent),
        "missing": ",".join(states.missing),
        "failed": ",".join(states.failed),
        "uploaded_unix_seconds": verdict.uploaded_unix_seconds,
        "deadline_unix_seconds": verdict.deadline_unix_seconds,
        "decided_unix_seconds": verdict.decided_unix_seconds,
    }


def encoded(values: Mapping[str, Feature] | Mapping[str, Embedding]) -> dict[str, bytes]:
    """Return features or embeddings as the fields of the hash for readers."""
    return {name: encode(value) for name, value in values.items()}


def _bytes(fields: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return fields and values of a hash as bytes."""
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in fields.items()}


def _without_gap(status: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {name: value for name, value in status.items() if name not in (b"gap", b"gap_since_unix_seconds")}


def _number(value: bytes | None) -> int:
    """Return a revision of a status; 0 if it is invalid."""
    return int(value) if value is not None and value.isdigit() else 0
