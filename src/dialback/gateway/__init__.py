"""Floor 3: terminates client legs and host legs, checks a token by asking, relays. Chooses nothing."""
