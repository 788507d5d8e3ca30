"""What `vidsignal doctor` looks at: one file a check, none of which changes anything."""
