"""What crosses into Temporal's history: inputs, results, ids, activity signatures. Knows no database and no web."""
