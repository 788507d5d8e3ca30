"""`bench load`: an open loop of uploads in steps, until the machine is saturated."""
