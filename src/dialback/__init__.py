"""Dialback: remote desktops without an open port."""

__version__ = "0.1.0"
