"""Benchmarks: composition roots that measure the real parts. No layer imports them; `make test` does not run them."""
