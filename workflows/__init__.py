"""What happens over time, one durable process a file. Knows no activity, no database, no web."""
