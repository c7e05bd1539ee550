"""What touches the world: payments, warehouse, mail, record. Knows no workflow, no web, no settings."""
