"""The demonstration: one command that sets up every part for real and shows a desktop."""
