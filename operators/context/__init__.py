"""Operators for the uploader's text."""
