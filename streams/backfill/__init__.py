"""The backfill lane: uploads that are analysed again, or without hurry, behind everything that is live."""
