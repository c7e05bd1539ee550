"""Benchmarks: one day's renewal reminders of a generated programme."""
