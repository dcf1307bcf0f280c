"""Floor 0: nouns, rules and interfaces, free of input and output."""
