"""Floor 2: moving bytes between two legs. `join` is the only hot path of the platform."""
