"""Floor 3: ordinary HTTP requests."""
