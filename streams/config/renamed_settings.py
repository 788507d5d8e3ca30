"""Former names of settings; each is read for one more release, with a warning."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from streams.config.secret_files import PREFIX

RENAMED_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "log_generation": "log_epoch",
        "source_connect_seconds": "source_connect_timeout_seconds",
        "source_grace_seconds": "source_request_timeout_seconds",
        "source_patience_seconds": "source_outage_timeout_seconds",
        "max_parked": "max_deferred_events",
        "slots": "max_concurrent_videos",
        "backfill_slots": "backfill_max_concurrent_videos",
        "backfill_beside_live": "backfill_max_live_videos",
        "guard_seconds": "deletion_marker_ttl_seconds",
        "engagement_summary_seconds": "engagement_summary_interval_seconds",
        "engagement_unknown_seconds": "engagement_unknown_video_ttl_seconds",
        "stall_patience_seconds": "stall_timeout_seconds",
        "loop_patience_seconds": "event_loop_timeout_seconds",
        "event_limit_seconds": "slow_event_seconds",
    }
)
"""Present name by former name; remove the entries with the next release."""

# Uses the standard library's logger: every command reads settings, and importing structlog takes a third of a second.
_log = logging.getLogger(__name__)


def by_present_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one source by their present names, and log a warning for each former name.

    If a source contains both names, as during a rolling upgrade, the present one is used.
    """
    found = {name: value for name, value in values.items() if name not in RENAMED_SETTINGS}
    for former, present in RENAMED_SETTINGS.items():
        if former in values:
            _log.warning("setting %s is deprecated: rename it to %s", _variable(former), _variable(present))
            found.setdefault(present, values[former])
    return found


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"
