"""The management protocol, spoken between a console and a host's agent: frames, messages, order, versions."""
