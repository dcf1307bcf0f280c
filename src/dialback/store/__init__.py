"""Floor 2: what the broker remembers, in memory or in a database, behind one contract."""
