"""What `vidsignal doctor` looks at: one file an examination, none of which changes anything."""
