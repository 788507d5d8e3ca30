"""`bench engines`: which processors are compared, what a row says of a mode, and what the modes gain over a video."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.tolerance import Tolerance
from operators.inference.backend import BackendConfig
from operators.inference.backends.cpu import CpuBackend
from operators.inference.mode_trials import open_modes
from ops.bench.engines.engine_rows import EngineRow, rows_of
from ops.bench.engines.figures import mix_figures
from ops.bench.engines.processors import THIS, Processor, processors
from ops.bench.engines.report import EngineReport
from tests.unit.operators.inference.fakes import number_card

PLAIN, REDUCED = "torch-float32", "torch-bfloat16"
ROUNDS = [{PLAIN: 0.004, REDUCED: 0.002}, {PLAIN: 0.006, REDUCED: 0.002}, {PLAIN: 0.004, REDUCED: 0.0025}]


def rows(model: str = "pictures", rounds: Sequence[dict[str, float]] = ROUNDS) -> tuple[EngineRow, ...]:
    refused = {"openvino-bfloat16": "not within the tolerance: output scores: largest difference 0.4"}
    return rows_of(THIS, model, list(rounds[0]), refused, PLAIN, rounds)


class Weighing(nn.Module):
    """Is exact in float32 only."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, batch: Tensor) -> tuple[Tensor, ...]:
        return ((batch.to(self.weight.dtype) * self.weight).sum(dim=1),)


class TestProcessors:
    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (["sse2", "avx2"], [("", 1.2)]),
            (["avx512f", "avx512_bf16"], [("", 1.2), ("AVX512_CORE", None)]),
            (["avx512_bf16", "amx_bf16"], [("", 3.0), ("AVX512_CORE_BF16", 1.2), ("AVX512_CORE", None)]),
        ],
    )
    def test_are_those_that_this_one_can_be(self, flags: list[str], expected: list[tuple[str, float | None]]) -> None:
        """A limit takes instructions away; it gives none. What is expected depends on what is left."""
        assert [(each.max_isa, each.least_gain) for each in processors(flags)] == expected


class TestRows:
    def test_gains_are_of_one_round(self) -> None:
        """Both times of a ratio come from the same round, so that other load on the machine affects both."""
        plain, reduced, _ = rows()
        assert plain.gains == (1.0, 1.0, 1.0)
        assert reduced.gains == pytest.approx((2.0, 3.0, 1.6))

    def test_the_choice_is_a_workers(self) -> None:
        """Another mode needs an advantage over float32; a refused one is never chosen."""
        assert [row.is_chosen for row in rows()] == [False, True, False]
        equal = rows(rounds=[{PLAIN: 0.0021, REDUCED: 0.002}])
        assert [row.is_chosen for row in equal] == [True, False, False]

    def test_a_refused_mode_has_its_reason(self) -> None:
        """And no time."""
        refused = rows()[-1]
        assert (refused.item_seconds, refused.is_chosen) == ((), False)
        assert refused.verdict == "not within the tolerance: output scores: largest difference 0.4"


class TestMix:
    def test_is_the_models_of_a_video(self) -> None:
        """Each model as often as a video needs it; one that no video needs does not count."""
        found = mix_figures(
            Processor(THIS, least_gain=1.2),
            [*rows(), *rows("sounds"), *rows("unused")],
            {"pictures": 8.0, "sounds": 2.0},
        )
        values = {figure.name.removeprefix(f"{THIS}, models of a video, "): figure for figure in found}
        assert values[PLAIN].value == pytest.approx(40.0)
        assert values["without a measurement"].value == pytest.approx(40.0)
        assert values["chosen modes"].value == pytest.approx(20.0)
        gain = values["torch-float32 over chosen modes"]
        assert gain.value == pytest.approx(2.0)
        assert gain.spread == pytest.approx((1.6, 3.0))
        assert gain.holds

    def test_a_small_gain_misses_the_bound(self) -> None:
        """And a processor without a bound misses none."""
        slow = rows(rounds=[{PLAIN: 0.0021, REDUCED: 0.002}])
        held = {
            least: next(figure.holds for figure in mix_figures(Processor(THIS, "", least), slow, {"pictures": 1.0})
                        if figure.name.endswith("torch-float32 over chosen modes"))
            for least in (1.2, None)
        }  # fmt: skip
        assert held == {1.2: False, None: None}


class TestReport:
    def test_has_all_rows(self, tmp_path: Path) -> None:
        """In the table, in the JSON object and as a picture."""
        report = EngineReport("engines", {}, (), rows=rows())
        assert report.tables()[0].row_count == 3
        report.write(tmp_path / "engines.json")
        stored = json.loads((tmp_path / "engines.json").read_text())["rows"]
        assert [(row["mode"], row["is_chosen"]) for row in stored] == [
            (PLAIN, False), (REDUCED, True), ("openvino-bfloat16", False),
        ]  # fmt: skip
        pytest.importorskip("matplotlib")
        report.draw(tmp_path / "engines.svg")
        assert "pictures, torch-bfloat16" in (tmp_path / "engines.svg").read_text()


def test_rounds_time_every_usable_mode() -> None:
    """Models stay open between rounds; a mode out of tolerance is named and not run."""
    card = replace(
        number_card("tiny", (1, 2)), input_shape=(3,), input_dtype="float32", outputs=("sum",),
        precisions=("float32", "bfloat16"), tolerances=(Tolerance(max_difference=1e-9),),
    )  # fmt: skip
    question = CpuBackend(BackendConfig(cpu_bfloat16=True)).mode_question(card, lambda: Weighing().eval())
    with ExitStack() as opening:
        opened = open_modes(card, [np.full(3, 1.001, dtype=np.float32)], question.modes, question.open_model, opening)
        times = [opened.run_round(is_reversed=number == 1) for number in range(2)]
        assert [list(map(str, each)) for each in times] == [[PLAIN]] * 2
        assert all(seconds > 0 for each in times for seconds in each.values())
        (refused,) = opened.unusable
        assert str(refused.mode) == REDUCED
        assert "not within the tolerance" in refused.note
