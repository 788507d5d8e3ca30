"""What an upload event contains: its video, its log position, its headers, and probable mistakes."""
