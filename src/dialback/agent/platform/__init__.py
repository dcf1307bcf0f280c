"""What depends on the operating system: facts about the host, and the systemd unit."""
