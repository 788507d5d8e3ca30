"""The policy and the prototypes: whether a worker can read them."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, ok, wrong
from schemas.counted import counted
from streams.analysis.prototypes_file import InvalidPrototypes, load_prototypes
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy


def examine(context: CheckContext) -> Iterator[Finding]:
    """Validates the files as a worker would."""
    yield _policy(context)
    yield _prototypes(context)


def _prototypes(context: CheckContext) -> Finding:
    path = context.settings.prototypes_file
    try:
        found = load_prototypes(path)
    except InvalidPrototypes as error:
        return wrong(
            "prototypes",
            str(error),
            means="a worker stops at its start, so that no text is compared with other examples",
            do="correct the file, or unset VIDSIGNAL_PROTOTYPES_FILE for the packaged one",
        )
    number = sum(map(len, found.labels.values())) + len(found.neutral)
    where = path or "the packaged default"
    return ok("prototypes", f"{found.name} version {found.version}, {counted(number, 'example')}, from {where}")


def _policy(context: CheckContext) -> Finding:
    path = context.settings.policy_file
    try:
        policy = load_policy(path)
    except InvalidPolicy as error:
        return wrong(
            "file",
            str(error),
            means="a worker stops at its start, so that nothing is decided by another policy",
            do=f"vidsignal policy check {path}",
        )
    where = path or "the packaged default"
    return ok("file", f"{policy.name} version {policy.version}, {counted(len(policy.rules), 'rule')}, from {where}")
