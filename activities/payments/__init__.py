"""Activities: payments over a gateway, and the ledger entries they make."""
