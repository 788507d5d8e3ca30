"""The alert rules: they say what they mean and what to do, and each is tried."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from ops.cli.main import app
from ops.dashboards.dashboard_registry import DASHBOARDS
from ops.metrics_document import metric_entries
from streams.config.settings import Settings
from tests.documents import REPOSITORY, quoted
from tests.promql import grouped_labels, selectors
from tests.support.prometheus_package import PrometheusPrograms

FOLDER = REPOSITORY / "ops" / "prometheus"
PAGE = "docs/alerts.md"
RUNBOOKS = (REPOSITORY / PAGE).read_text(encoding="utf-8")
SERIES = {name: set(entry.labels) for entry in metric_entries() for name in entry.series}
SERIES |= {"up": set(), "process_start_time_seconds": set()}
ADDED_LABELS = {"job", "instance", "le"}


def rules() -> list[dict[str, Any]]:
    """Every alert rule, in the order of the file."""
    content = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def tried() -> list[dict[str, Any]]:
    """Every test of `alerts_test.yml`."""
    tests: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    return tests


EACH = pytest.mark.parametrize("rule", rules(), ids=[rule["alert"] for rule in rules()])


@EACH
class TestEachRule:
    def test_says_what_it_means(self, rule: dict[str, Any]) -> None:
        """A severity, a summary, a description with its number or place, and where its runbook is."""
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert rule["annotations"]["description"].endswith(".")
        assert rule["annotations"]["runbook"] == f"{PAGE}#{rule['alert'].lower()}"

    def test_has_a_runbook(self, rule: dict[str, Any]) -> None:
        """The page says what it means, what to look at and what to do."""
        text = RUNBOOKS.partition(f"\n## {rule['alert']}\n")[2].partition("\n## ")[0]
        assert [word for word in ("**Meaning:**", "**Diagnosis:**", "**Action:**") if word not in text] == []

    def test_series_exist(self, rule: dict[str, Any]) -> None:
        """It asks for metrics and labels of the code."""
        found = selectors(rule["expr"])
        assert found
        for selector in found:
            assert selector.labels <= SERIES[selector.metric] | ADDED_LABELS, selector
        labels = set().union(*(SERIES[selector.metric] for selector in found)) | ADDED_LABELS
        assert grouped_labels(rule["expr"]) <= labels

    def test_names_labels_that_it_has(self, rule: dict[str, Any]) -> None:
        """What a text fills in is a label that the alert carries."""
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        of_series = set().union(*(SERIES[selector.metric] for selector in selectors(rule["expr"])))
        carried = grouped_labels(rule["expr"]) or of_series | ADDED_LABELS
        assert named <= carried

    def test_is_tried_firing_and_silent(self, rule: dict[str, Any]) -> None:
        """A test expects it, and series or a moment in the same file do not."""
        asked = [
            (test, case)
            for test in tried()
            for case in test["promql_expr_test"]
            if f'alertname="{rule["alert"]}"' in case["expr"]
        ]
        assert any(case.get("exp_samples") for _, case in asked)
        assert any(
            not case.get("exp_samples") or len(test["input_series"]) > len(case["exp_samples"]) for test, case in asked
        )


class TestFiles:
    def test_runbooks_of_no_other(self) -> None:
        """The page has no heading of a rule that is gone, in the order of the rules."""
        assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == [rule["alert"] for rule in rules()]

    def test_links_lead_somewhere(self) -> None:
        """Every link inside the page has a heading."""
        anchors = {f"#{rule['alert'].lower()}" for rule in rules()}
        assert set(re.findall(r"\]\((#[^)]*)\)", RUNBOOKS)) <= anchors

    def test_settings_exist(self) -> None:
        """Every setting that a runbook names is one."""
        named = set(re.findall(r"VIDSIGNAL_[A-Z_]+", RUNBOOKS))
        assert named <= {f"VIDSIGNAL_{name.upper()}" for name in Settings.__struct_fields__}

    def test_commands_exist(self) -> None:
        """Every command that a runbook names can be run, with the options that it names."""
        named = [words for words in quoted(RUNBOOKS) if words.startswith("vidsignal ")]
        assert named
        for words in named:
            options = {option for parameter in _command(words).params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", words)) <= options, words

    def test_panels_exist(self) -> None:
        """Every panel that a runbook quotes is on a dashboard."""
        titles = {panel.title for dashboard in DASHBOARDS.values() for panel in dashboard.panels}
        titles |= {row.title for dashboard in DASHBOARDS.values() for row in dashboard.rows}
        quoted = set(re.findall(r'(?:table|\*\*Diagnosis:\*\*|panel) "([^"]+)"', RUNBOOKS))
        assert quoted and quoted <= titles

    def test_services_are_read(self) -> None:
        """Prometheus reads every service of the workers, at the port that the image opens."""
        compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
        (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
        (names,) = job["dns_sd_configs"]
        assert set(names["names"]) == {name for name in compose["services"] if name.startswith("worker")}
        image = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
        assert f"VIDSIGNAL_METRICS_PORT={names['port']}" in image

    def test_pods_are_read(self) -> None:
        """In Kubernetes it reads the namespace of the manifests, under the job's name that rules ask for."""
        (job,) = yaml.safe_load((FOLDER / "prometheus-kubernetes.yml").read_text(encoding="utf-8"))["scrape_configs"]
        namespace = REPOSITORY / "ops" / "kubernetes" / "base" / "namespace.yaml"
        names = [item["metadata"]["name"] for item in yaml.safe_load_all(namespace.read_text(encoding="utf-8"))]
        assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == names
        jobs = set(re.findall(r'job="([^"]+)"', (FOLDER / "alerts.yml").read_text(encoding="utf-8")))
        assert jobs == {job["job_name"]}


class TestPromtool:
    @pytest.mark.parametrize("name", ["prometheus.yml", "prometheus-kubernetes.yml"])
    def test_rules_and_configuration_are_valid(
        self, name: str, prometheus_programs: PrometheusPrograms, tmp_path: Path
    ) -> None:
        """`promtool check` has nothing to say; Debian's knows no Kubernetes, so what lists pods is left out."""
        content = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
        for job in content["scrape_configs"]:
            job.pop("kubernetes_sd_configs", None)
        content["rule_files"] = [str(FOLDER / rules_file) for rules_file in content["rule_files"]]
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        said = _promtool(prometheus_programs, "check", "config", str(path))
        assert said.returncode == 0, said.stdout + said.stderr

    def test_every_alert_fires_and_is_silent(self, prometheus_programs: PrometheusPrograms) -> None:
        """`promtool test` agrees with every expectation."""
        said = _promtool(prometheus_programs, "test", "rules", str(FOLDER / "alerts_test.yml"))
        assert said.returncode == 0, said.stdout + said.stderr

    def test_every_text_can_be_filled_in(self, prometheus_programs: PrometheusPrograms, tmp_path: Path) -> None:
        """Where an alert fires, its summary and description come out as words."""
        path = tmp_path / "texts.yml"
        path.write_text(yaml.safe_dump(_expecting_nothing()), encoding="utf-8")
        said = _promtool(prometheus_programs, "test", "rules", str(path))
        told = set(re.findall(r'runbook="docs/alerts.md#(\w+)", summary="[^"]+"', said.stdout + said.stderr))
        assert told == {rule["alert"].lower() for rule in rules()}
        assert re.findall(r"error expanding|<no value>|NaN", said.stdout + said.stderr) == []

    @pytest.mark.parametrize("name", DASHBOARDS)
    def test_every_panel_can_be_parsed(
        self, name: str, prometheus_programs: PrometheusPrograms, tmp_path: Path
    ) -> None:
        """Each expression of a dashboard is PromQL, once Grafana has filled in its words."""
        queries = [query for panel in DASHBOARDS[name].panels for query in panel.queries]
        recorded = [
            {"record": f"panel:{place}", "expr": query.expression.replace("$__rate_interval", "1m")}
            for place, query in enumerate(queries)
        ]
        path = tmp_path / "panels.yml"
        path.write_text(yaml.safe_dump({"groups": [{"name": name, "rules": recorded}]}), encoding="utf-8")
        said = _promtool(prometheus_programs, "check", "rules", str(path))
        assert said.returncode == 0, said.stdout + said.stderr


def _command(words: str) -> Any:
    """The command that a line calls; fails where there is none."""
    command: Any = typer.main.get_command(app)
    for word in shlex.split(words)[1:]:
        if not isinstance(command, TyperGroup) or word.startswith("-"):
            break
        assert word in command.commands, words
        command = command.commands[word]
    return command


def _expecting_nothing() -> dict[str, Any]:
    """The tests with the same series, asked for alerts with their texts, all of them unexpected."""
    cases = []
    for test in tried():
        asked = [
            {"eval_time": case["eval_time"], "alertname": match.group(1), "exp_alerts": []}
            for case in test["promql_expr_test"]
            if case.get("exp_samples") and (match := re.search(r'alertname="(\w+)"', case["expr"]))
        ]
        cases.append({**{key: test[key] for key in ("interval", "input_series")}, "alert_rule_test": asked})
    return {"rule_files": [str(FOLDER / "alerts.yml")], "evaluation_interval": "1m", "tests": cases}


def _promtool(programs: PrometheusPrograms, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(programs.promtool), *words], capture_output=True, text=True, timeout=60, check=False)
