"""Benchmarks: many open claims on one worker."""
