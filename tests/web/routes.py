"""Every route of an application, found in the application itself, so that none is left out of a walk."""

import re
from collections.abc import Iterable, Iterator, Mapping

from starlette.routing import BaseRoute, Mount, Route


def routes_of(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Return method and path of each route, those of routers and applications inside included."""
    for each in routes:
        if isinstance(each, Mount):
            yield from routes_of(each.routes, prefix + each.path)
        elif isinstance(each, Route):
            yield from ((method, prefix + each.path) for method in sorted(each.methods or ()))
        else:
            # FastAPI keeps a router as one entry; what else may stand in a list of routes has none.
            yield from routes_of(each.original_router.routes, prefix)  # type: ignore[attr-defined]


def filled(path: str, values: Mapping[str, str]) -> str:
    """Return the path with a value in each of its gaps."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda gap: values[gap[1]], path)
