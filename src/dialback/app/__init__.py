"""Floor 4: settings, wiring and the life cycle of a node."""
