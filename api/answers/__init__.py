"""API: what is answered. Made from the domain and the views, never from tables; fields as docs/api fixes them."""
