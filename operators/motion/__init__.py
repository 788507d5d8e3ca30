"""What moves, and where the picture is cut."""
