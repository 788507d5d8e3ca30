"""Fetches pictures of published packages that sets judge; nothing of it is committed, and `make setup` fetches none."""
