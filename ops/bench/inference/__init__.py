"""`bench inference`: the batcher beside a bare loop, LitServe and PyTriton."""
