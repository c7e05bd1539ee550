"""Benchmarks: the API's reads beside a route that returns a constant."""
