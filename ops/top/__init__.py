"""Data of `vidsignal top`: scrapes of workers, changes between two of them, and one frame."""
