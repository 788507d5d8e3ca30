"""The process: its roles, their collaborators, and its start and end."""
