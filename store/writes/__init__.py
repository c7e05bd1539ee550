"""Store, the write side: one function for each message, each within the caller's transaction.

Every write is idempotent. The API reads by `store.reads` and never imports this package.
"""
