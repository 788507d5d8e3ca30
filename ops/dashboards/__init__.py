"""Grafana's dashboards: what they show, and the JSON made of it. Then: `python -m ops.dashboards`."""
