"""API: one file a resource. A route reads the request, queries the database or calls Temporal, and responds."""
