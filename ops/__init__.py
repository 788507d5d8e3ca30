"""Operations: command line, local stack, benchmarks, deployment."""
