"""One file per device, each answering the same five verbs: load, compile, warm up, run, close."""
