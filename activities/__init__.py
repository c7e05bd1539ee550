"""Activities: the side effects: payments, warehouse, mail, database. Knows no workflow, no web, no settings."""
