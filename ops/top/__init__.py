"""What `vidsignal top` shows: scrapes of workers, what moved between two of them, and one frame of it."""
