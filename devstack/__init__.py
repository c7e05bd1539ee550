"""The local development stack: Temporal with its UI, worker and API as child processes of one supervisor."""
