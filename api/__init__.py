"""The HTTP API. Imports no activities and no database writes."""
