"""Store: the tables, one module a subject. Rows only; the rules are in `domain`.

Enums of the domain are stored by value as strings, instants as aware UTC, amounts as minor units. Ids from other
systems are strings. No ORM relationships are declared: every query names what it reads.
"""
