"""Grafana dashboards as values, and the generated JSON: `python -m ops.dashboards`."""
