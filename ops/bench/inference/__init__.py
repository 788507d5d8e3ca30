"""`bench inference`: the batcher compared with a bare loop, LitServe and PyTriton."""
