"""Logging: structlog on stderr, as lines for people or JSON for programs.

Fixed fields: `connection_id`, `host`, `user`, `node`. Two info lines per connection; one-offs at debug.
Texts of peers are escaped here once for all, so that a hostile name cannot forge a line or steer a terminal.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

FIELD_CHARS = 500


def get_logger(name: str) -> Any:
    """Return the logger of a module."""
    return structlog.get_logger(name)


def configure_logging(*, json_lines: bool = False, level: str = "info") -> None:
    """Set up logging for the whole process; called once, by the command line.

    Args:
        json_lines: one JSON object per line in place of text.
        level: `debug`, `info`, `warning` or `error`.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            escape_fields,
            *([structlog.processors.format_exc_info] if json_lines else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


plain_traceback = structlog.dev.plain_traceback


def escape_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Escape control characters, line breaks and direction marks in every text field, and cap its length."""
    return {key: escape(value) if isinstance(value, str) else value for key, value in event.items()}


def escape(text: str, limit: int = FIELD_CHARS) -> str:
    """Return the text with everything unprintable escaped, `limit` characters at most."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)
