"""Profiles: every figure says what it is, in what unit and from where, and no nonsense is reckoned with."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.sizing.profile import Profile, complete, load_profile, write_profile
from ops.sizing.quantity import FIGURES, InvalidProfile, Quantity
from tests.sizing_profile import round_profile


def changed(name: str, **fields: object) -> Profile:
    profile = round_profile()
    figure = replace(profile.figures[name], **fields)
    return replace(profile, figures={**profile.figures, name: figure})


class TestPackaged:
    def test_is_complete_and_says_where_each_figure_is_from(self) -> None:
        """Nobody has to measure before a first estimate."""
        profile = load_profile(None)
        assert list(profile.figures) == list(FIGURES)
        assert profile.machine["cores"] == 2
        assert all(each.source for each in profile.figures.values())

    def test_what_has_to_be_measured_was(self) -> None:
        """No assumption passes for a measurement."""
        profile = load_profile(None)
        needed = [name for name, each in FIGURES.items() if each.assumed is None]
        assert [name for name in needed if profile.figures[name].origin != "measured"] == []

    def test_no_accelerator_was_measured(self) -> None:
        """Until one is, its figures are marked."""
        assert load_profile(None).figures["accelerator_speed_ratio"].origin == "assumption"


class TestFile:
    def test_comes_back_as_written(self, tmp_path: Path) -> None:
        """A measurement of one day is read on another."""
        write_profile(round_profile(), tmp_path / "p.json")
        assert load_profile(tmp_path / "p.json") == round_profile()

    def test_toml(self, tmp_path: Path) -> None:
        """For people who write one by hand."""
        profile = round_profile()
        lines = [f'name = "{profile.name}"', "video_cpu_seconds = [0.5, 1.0, 1.5]"]
        for name, each in profile.figures.items():
            lines += [f"[figures.{name}]", f"value = {each.value!r}", f'unit = "{each.unit}"']
            lines += [f'origin = "{each.origin}"', f'source = "{each.source}"']
        (tmp_path / "p.toml").write_text("\n".join(lines), encoding="utf-8")
        assert load_profile(tmp_path / "p.toml") == profile

    def test_assumptions_need_not_be_said(self) -> None:
        """What a profile leaves out is assumed, and marked so."""
        profile = round_profile()
        measured = {name: each for name, each in profile.figures.items() if each.origin == "measured"}
        assert complete(replace(profile, figures=measured)) == profile

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("p.yaml", "", r"must end in \.json or \.toml"),
            ("p.json", "{", "truncated"),
            ("p.json", '{"name": "x", "figures": {}, "video_cpu_seconds": [1], "more": 1}', "unknown field"),
            ("p.json", '{"name": "x", "figures": {}, "video_cpu_seconds": [1]}', "lacks worker_cores"),
        ],
    )
    def test_what_is_no_profile_is_refused(self, tmp_path: Path, name: str, content: str, message: str) -> None:
        """With what is wrong."""
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(InvalidProfile, match=message):
            load_profile(tmp_path / name)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """The message names it."""
        with pytest.raises(InvalidProfile, match=r"none\.json.*No such file"):
            load_profile(tmp_path / "none.json")


class TestCheck:
    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 1e9])
    def test_values_out_of_bounds(self, value: float) -> None:
        """The message quotes the value and the bounds."""
        with pytest.raises(InvalidProfile, match=r"media_cpu_seconds_per_video is .*; allowed: 0\.0001 to 100000"):
            complete(changed("media_cpu_seconds_per_video", value=value))

    def test_another_unit(self) -> None:
        """Milliseconds for seconds would be a thousandfold error."""
        with pytest.raises(InvalidProfile, match="in 'ms'; allowed: 'CPU s'"):
            complete(changed("media_cpu_seconds_per_video", unit="ms"))

    def test_no_source(self) -> None:
        """Each says where it is from."""
        with pytest.raises(InvalidProfile, match="does not say where it is from"):
            complete(changed("copies", source=" "))

    def test_an_unknown_figure(self) -> None:
        """A misspelt one must not be left out in silence."""
        profile = round_profile()
        odd = Quantity(value=1, unit="s", origin="assumption", source="x")
        with pytest.raises(InvalidProfile, match="unknown figures: copys"):
            complete(replace(profile, figures={**profile.figures, "copys": odd}))

    @pytest.mark.parametrize("times", [(), (0.0,), (float("nan"),)])
    def test_times_of_videos(self, times: tuple[float, ...]) -> None:
        """The simulation draws from them."""
        with pytest.raises(InvalidProfile, match="video_cpu_seconds"):
            complete(replace(round_profile(), video_cpu_seconds=times))

    def test_options_are_marked(self) -> None:
        """The output shows what was put in by hand."""
        assert round_profile(copies=2).figures["copies"].origin == "option"
        with pytest.raises(InvalidProfile, match="no figure 'copys'"):
            round_profile(copys=2)


def test_every_assumption_is_within_its_own_bounds() -> None:
    """`complete` would refuse it otherwise, and every profile with it."""
    assert round_profile().figures.keys() == FIGURES.keys()
