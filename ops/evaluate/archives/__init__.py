"""Fetches pictures and sounds of published packages that sets judge; none is committed or fetched by `make setup`."""
