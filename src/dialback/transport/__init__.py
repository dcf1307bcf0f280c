"""Floor 1: legs, and how they are accepted, dialled and secured. The only owner of sockets."""
