"""How it is run: command line, local stack, benchmarks, deployment."""
