"""Ruleset of commands that fold: the same as the workers', from the same settings."""

from __future__ import annotations

from ops.cli.console import fail
from ops.cli.exit_codes import ExitCode
from streams.config.settings import Settings
from streams.decision.cost import Prices
from streams.decision.policy_checks import InvalidPolicy
from streams.decision.policy_file import load_policy
from streams.decision.ruleset import Ruleset


def ruleset_or_exit(settings: Settings) -> Ruleset:
    """Return policy, prices and log epoch, or exit with the usage code and the error in the policy."""
    try:
        policy = load_policy(settings.policy_file)
    except InvalidPolicy as error:
        fail(str(error), ExitCode.USAGE)
    return Ruleset(policy, Prices.from_settings(settings), settings.log_epoch)
