"""`vidsignal fusion`: learns how evidence of several modalities is combined, from reviewed verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.reviewed_verdicts import reviewed_verdicts
from ops.cli.ruleset import ruleset_or_exit
from schemas.near_names import did_you_mean, listed, near_word

if TYPE_CHECKING:
    from operators.fusion.fusion_rule import FusionRule
    from ops.fusion.reviewed import ShadowExample
    from streams.decision.policy import Policy

app = typer.Typer(
    help="Learn how evidence of several modalities is combined from reviewed verdicts.", no_args_is_help=True
)

VerdictsOption = Annotated[
    Path | None, typer.Option("--verdicts", help="JSON lines of verdicts; the topic by default.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.command()
def fit(
    label: Annotated[str, typer.Argument(help="A label of the policy's part `fusion`.")],
    verdicts: VerdictsOption = None,
    file: Annotated[Path | None, typer.Option("--out", help="Write the rule to this file.")] = None,
) -> None:
    """Learn the score of a fused label from verdicts that people decided, and print its rule, as a shadow; exit code 1
    if the reviews do not permit it.

    At least 50 verdicts that people acted on and 50 that they allowed are needed, of videos in which every group of the
    rule has evidence and no other label was a reason.
    """
    from ops.calibration.examples import CannotFit  # numpy
    from ops.fusion.fitted_rule import as_yaml
    from ops.fusion.fitting import fit_head
    from ops.fusion.reviewed import examples_of

    settings = settings_or_exit()
    policy = ruleset_or_exit(settings).policy
    rule = _rule(policy, label)
    try:
        fitted = fit_head(rule, examples_of(rule, policy, reviewed_verdicts(settings, verdicts)))
    except CannotFit as error:
        fail(str(error), ExitCode.FOUND)
    version = 1 + max(each.version for each in policy.fusion if each.label == label)
    text = as_yaml(rule, version, fitted)
    out.print(fitted.words, markup=False, soft_wrap=True)
    if file is None:
        out.print(text, markup=False, soft_wrap=True)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"--out {str(file)!r} cannot be written: {error.strerror}", ExitCode.USAGE)
    out.print(f"written: {file}; add it to the list `fusion` of your policy", markup=False, soft_wrap=True)


@app.command()
def shadow(verdicts: VerdictsOption = None, json_output: JsonOption = False) -> None:
    """Compare the shadows of the policy with reviews that they were not learned from."""
    from ops.fusion.reviewed import shadow_examples

    settings = settings_or_exit()
    policy = ruleset_or_exit(settings).policy
    known = reviewed_verdicts(settings, verdicts)
    shadows = [rule for rule in policy.fusion if rule.is_shadow]
    rows = [_row(rule, shadow_examples(rule, policy, known)) for rule in shadows]
    if json_output:
        print_json(rows)
        return
    for row in rows:
        out.heading(f"{row['label']}", f" version {row['version']}")
        out.print(f"  shadowed {row['shadowed']}: AUC {row['auc']}, as stated {row['auc_stated']}", markup=False)
    if not rows:
        out.print("the policy has no shadow; `vidsignal fusion fit` makes one")


def _row(rule: FusionRule, found: list[ShadowExample]) -> dict[str, object]:
    import numpy as np

    from ops.evaluate.metrics.ranking import auc

    truth = np.array([each.is_right for each in found], dtype=bool)
    both = {"auc": [each.score for each in found], "auc_stated": [each.stated for each in found]}
    figures = {name: auc(truth, np.array(scores)).value for name, scores in both.items()}
    rounded = {name: None if value is None else round(value, 3) for name, value in figures.items()}
    return {"label": rule.label, "version": rule.version, "shadowed": len(found), **rounded}


def _rule(policy: Policy, label: str) -> FusionRule:
    """Return the rule that decides, or else the shadow."""
    rules = sorted((rule for rule in policy.fusion if rule.label == label), key=lambda rule: rule.is_shadow)
    if not rules:
        labels = [rule.label for rule in policy.fusion]
        meant = did_you_mean(near_word(label, labels))
        fail(f"label is {label!r}; allowed: {listed(labels) if labels else 'none'}{meant}", ExitCode.USAGE)
    return rules[0]
