"""One file per device, each with the same five methods: load, compile, warm up, run, close."""
