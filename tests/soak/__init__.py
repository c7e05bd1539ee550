"""The soak: many Premium claims at random on the real parts, and a check of every invariant of the money."""
