"""Benchmarks: generated stored claims, and what a request costs by how many are stored."""
