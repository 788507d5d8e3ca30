"""What the uploader wrote."""
