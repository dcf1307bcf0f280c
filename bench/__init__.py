"""Speed and memory of the gateway, beside HAProxy on the same machine; see README.md."""
