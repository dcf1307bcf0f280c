"""One request and its answer on a leg; see `transport/exchange.py`."""

from dialback.transport.exchange import Answer, ask, ask_upgrade

__all__ = ["Answer", "ask", "ask_upgrade"]
