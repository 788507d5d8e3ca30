"""The checks of `vidsignal doctor`: one file per check, none of which changes anything."""
