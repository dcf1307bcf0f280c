"""Floor 2: one port for everything."""
