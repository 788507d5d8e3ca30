"""Work of the media and backfill roles: media become signals."""
