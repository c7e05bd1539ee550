"""Store, the read side: queries. They change nothing and judge by the rules of domain."""
