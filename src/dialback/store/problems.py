"""What a database failure means, in one sentence for the person who runs the server.

SQLite and PostgreSQL report by text; the table below knows the texts that have a remedy. What is left
out: the statement and its values, which may hold what a log must not.
"""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from dialback.domain.contracts import StoreUnavailable

_MISSING_TABLE = "the database has lost a table; restore it from a backup"
_OTHER_SCHEMA = "the database has another schema; restore it from a backup"
_REMEDIES = [
    ("database is locked", "another process holds the database; stop it, or wait and try again"),
    ("database or disk is full", "the disk is full; free some space"),
    ("readonly database", "the database is read-only; give file and folder to the user the server runs as"),
    ("malformed", "the database file is damaged; restore it from a backup"),
    ("not a database", "the file is not a database; correct the setting, or restore it from a backup"),
    ("disk i/o error", "the disk reports an error; check it, then restore the database from a backup"),
    ("unable to open database file", "the database file cannot be opened; check its folder and permissions"),
    ("no such table", _MISSING_TABLE),
    ('relation "', _MISSING_TABLE),
    ("no such column", _OTHER_SCHEMA),
    ("column ", _OTHER_SCHEMA),
    ("password authentication failed", "the database refuses the user or the password; correct the setting"),
    ('database "', "the database does not exist on that server; create it, or correct the setting"),
    ("permission denied", "the database forbids this to the user; make the user the owner of the database"),
    ("too many clients", "the database has no connection left; raise its max_connections"),
    ("unique constraint", "the database has a row of this id already; try again with a new one"),
]


def unavailable(error: SQLAlchemyError | OSError) -> StoreUnavailable:
    """Return the error to raise in place of a failure of the database or of the way to it."""
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        return StoreUnavailable(f"the database cannot be reached: {reason}; check that it runs")
    text = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    for fragment, sentence in _REMEDIES:
        if fragment in text.lower():
            return StoreUnavailable(sentence)
    return StoreUnavailable(f"the database failed: {text[:200]}; look at its log, then try again")
