"""`vidsignal models bench`: the operating point of each model on this machine."""
