"""Operators for motion and cuts."""
