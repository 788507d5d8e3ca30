"""Costs of videos, from the receipts in the log."""
