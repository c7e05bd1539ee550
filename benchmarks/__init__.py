"""Benchmarks: composition roots that measure the real parts. No room imports them; `make test` does not run them."""
