"""API: response bodies, made from the domain and the read models, never from tables; docs/api defines the fields."""
