"""The policy: whether a worker can read it."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, wrong
from schemas.counted import counted
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy


def examine(context: CheckContext) -> Iterator[Finding]:
    """Validates the file as a worker would."""
    path = context.settings.policy_file
    try:
        policy = load_policy(path)
    except InvalidPolicy as error:
        yield wrong(
            "file",
            str(error),
            means="a worker stops at its start, so that nothing is decided by another policy",
            do=f"vidsignal policy check {path}",
        )
    else:
        where = path or "the packaged default"
        yield ok("file", f"{policy.name} version {policy.version}, {counted(len(policy.rules), 'rule')}, from {where}")
