"""The command `vidsignal`, one file a command."""
