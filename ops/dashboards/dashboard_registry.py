"""Every dashboard, and the path of its file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ops.dashboards.fleet import FLEET
from ops.dashboards.grafana import dashboard_text
from ops.dashboards.moderation import MODERATION
from ops.dashboards.panels import Dashboard
from ops.dashboards.recommendation import RECOMMENDATION

DASHBOARDS: Final[dict[str, Dashboard]] = {
    "fleet": FLEET,
    "moderation": MODERATION,
    "recommendation": RECOMMENDATION,
}
"""By file name."""
FOLDER: Final = Path(__file__).parent.parent / "grafana" / "dashboards"
"""The folder that Grafana's provisioning reads."""


def documents() -> dict[str, str]:
    """Return every generated file's text by its name."""
    return {f"{name}.json": dashboard_text(dashboard) for name, dashboard in DASHBOARDS.items()}


def write(folder: Path = FOLDER) -> list[Path]:
    """Write all files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(folder / name for name in documents())
