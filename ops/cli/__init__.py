"""The command `vidsignal`, one file per command."""
