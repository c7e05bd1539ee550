"""Temporal workflows, one a file. They import no activity implementation, no database and no HTTP."""
