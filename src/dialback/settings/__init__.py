"""Floor 1: reading settings files."""
