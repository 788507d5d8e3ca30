"""`vidsignal analyze`: the same operators, fold and policy, without Kafka and Redis."""

from __future__ import annotations

import asyncio
import traceback
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from models.card_errors import CardInvalid
from models.weights import WeightsCorrupt, WeightsMissing
from operators.errors import DeviceFault
from operators.inference.compute_mode import ModeUnavailable
from operators.internal_errors import InternalError
from ops.cli.console import clean_interrupt, err, fail, out, print_json, settings_or_exit
from ops.cli.exit_codes import ExitCode
from ops.cli.metadata_file import read_metadata
from ops.cli.progress import counting
from ops.cli.upload_fields import Media, build_uploads, require_files
from ops.cli.verdict_lines import describe_outcome
from ops.local_analysis_session import open_local_analysis
from ops.source_argument import absolute_path, is_file
from schemas.counted import counted
from schemas.uploads import VideoUploaded
from streams.config.settings import Device, Settings
from streams.decision.policy_checks import InvalidPolicy

if TYPE_CHECKING:
    from streams.local_analysis import LocalAnalysis, LocalResult


def analyze(
    paths: Media,
    title: Annotated[str, typer.Option(help="Title of the video.")] = "",
    description: Annotated[str, typer.Option(help="Description of the video.")] = "",
    hashtag: Annotated[list[str] | None, typer.Option(help="A hashtag; may be given several times.")] = None,
    market: Annotated[str | None, typer.Option(help="ISO 3166 country code, such as DE.")] = None,
    metadata: Annotated[Path | None, typer.Option(help="JSON with upload fields, as for `publish`.")] = None,
    device: Annotated[str | None, typer.Option(help=f"One of: {', '.join(get_args(Device))}.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="One JSON object a video, in their order.")] = False,
) -> None:
    """Analyse media and print the pipeline's results for them; exit code 1 if a modality failed.

    The results are printed in the order of the arguments, each as soon as it and all before it are known.
    """
    roots = ",".join(sorted({str(Path(absolute_path(path)).parent) for path in paths if is_file(path)}))
    settings = settings_or_exit(device=device, media_roots=roots)
    fields: dict[str, Any] = {
        "title": title,
        "description": description,
        "hashtags": hashtag or [],
        "market": market,
    }
    uploads = build_uploads(paths, fields, read_metadata(metadata))
    require_files(paths)
    with clean_interrupt():
        has_failures = asyncio.run(_analyse_all(settings, uploads, json_output))
    if has_failures:
        raise typer.Exit(ExitCode.FOUND)


async def _analyse_all(settings: Settings, uploads: list[VideoUploaded], json_output: bool) -> bool:
    err.print("loading models ...")
    try:
        async with open_local_analysis(settings, partial(_tell_unexpected, settings)) as (analysis, device):
            began = monotonic()
            outcomes = await _run(analysis, uploads, json_output)
            seconds = monotonic() - began
    except (CardInvalid, WeightsMissing, WeightsCorrupt, ModeUnavailable, InvalidPolicy) as error:
        fail(str(error), ExitCode.USAGE)
    except (DeviceFault, InternalError) as error:
        fail(f"the models or decoders cannot be opened: {error}", ExitCode.FOUND)
    err.print(
        f"{counted(len(outcomes), 'video')} in {seconds:.1f} s, {len(outcomes) / seconds:.2f} a second, on {device}"
    )
    return any(result.outcome.verdict.modalities.failed for result in outcomes)


async def _run(analysis: LocalAnalysis, uploads: list[VideoUploaded], json_output: bool) -> list[LocalResult]:
    """Analyse all at once; each outcome is printed when it and all before it are known."""
    outcomes: list[LocalResult] = []
    with counting("analysing", len(uploads), is_quiet=json_output) as done:
        running = [asyncio.ensure_future(analysis.result_of(upload)) for upload in uploads]
        for each in running:
            each.add_done_callback(lambda _: done())
        for each in running:
            outcomes.append(await each)
            _print(outcomes[-1], json_output)
    return outcomes


def _tell_unexpected(settings: Settings, upload: VideoUploaded, error: InternalError) -> None:
    """Print that an unexpected error occurred for one video; the traceback is logged at a lower level."""
    if settings.log_level == "debug":
        err.print("".join(traceback.format_exception(error)) + error.details, markup=False, soft_wrap=True)
        return
    hint = "set VIDSIGNAL_LOG_LEVEL=debug for the traceback"
    err.print(f"{upload.video_id}: an unexpected error, {error.message} ({hint})", markup=False, soft_wrap=True)


def _print(result: LocalResult, json_output: bool) -> None:
    outcome = result.outcome
    if json_output:
        print_json({"verdict": outcome.verdict, "recommendation": outcome.record, "texts": result.texts})
        return
    for line in describe_outcome(outcome, result.texts):
        out.print(line, markup=False, soft_wrap=True)
