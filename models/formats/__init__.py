"""Loads a module from each format that an added card may name."""
