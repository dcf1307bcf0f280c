"""Floor 2: tokens, host keys, and the platform's own certificate authority."""
