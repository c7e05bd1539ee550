"""Messages: inputs, results, ids and activity signatures in Temporal's history. Knows no database and no web."""
