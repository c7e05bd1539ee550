"""Domain: the rules as pure functions, without clock, database or network; the time is always an argument."""
