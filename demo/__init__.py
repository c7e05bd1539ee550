"""The demo: scenarios of claims and plans, run through the HTTP API on a stack of their own."""
