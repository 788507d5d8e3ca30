"""Configuration of the documentation site, which `make docs` builds with Sphinx."""

from __future__ import annotations

project = "Vidsignal"
extensions = ["myst_parser"]
nitpicky = True
myst_heading_anchors = 4  # links to headings are checked, so their anchors have to exist
html_theme = "furo"
html_title = "Vidsignal"
html_copy_source = False
