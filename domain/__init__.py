"""Domain: the rules, pure. Knows no clock, no database, no network; the moment is always an argument."""
