"""What worker, API and CLI share about Temporal: connection, data converter, namespace, schedules."""
