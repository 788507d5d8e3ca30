"""The media and backfill roles' work: media become signals."""
