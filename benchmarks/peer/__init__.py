"""Benchmarks: the same claim on DBOS and on Aftercare."""
