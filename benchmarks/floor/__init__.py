"""Benchmarks: a Premium claim beside the floor, a bare workflow of the same shape."""
