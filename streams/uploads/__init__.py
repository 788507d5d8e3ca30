"""What an event of the uploads says: its video, its place among the uploads, its headers, and what is odd about it."""
