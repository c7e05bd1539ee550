"""Messages: inputs, results, ids and activity signatures in Temporal's history. No database and no HTTP here."""
