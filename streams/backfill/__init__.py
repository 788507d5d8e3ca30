"""Backfill: uploads that are analysed again, or without urgency, at lower priority than all live uploads."""
