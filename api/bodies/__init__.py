"""API: what may be asked. Shapes and bounds alone: whether it is allowed is decided by the rules, elsewhere."""
