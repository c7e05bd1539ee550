"""Store, the write side: one function for each message, all within the caller's transaction.

Every write may run twice and then changes nothing the second time. Reading is for `store.views`; the API never imports
this package.
"""
