"""Which proxy leads to the platform: the one in the settings, else the environment's."""

from collections.abc import Mapping

from dialback.transport.dial import Proxy, parse_proxy


def choose_proxy(setting: str, environment: Mapping[str, str], name: str) -> Proxy | None:
    """Return the proxy for connections to `name`, or None for a direct one.

    A proxy in the settings always counts. `HTTPS_PROXY` counts unless `NO_PROXY` lists `name`, a domain it is
    in, or `*`. Of two spellings the lower-case one wins, as in curl.

    Raises:
        ValueError: the proxy is no URL of one; the message does not repeat it.
    """
    if setting:
        return parse_proxy(setting)
    if _is_excepted(name, _either(environment, "no_proxy")):
        return None
    return parse_proxy(_either(environment, "https_proxy"))


def _either(environment: Mapping[str, str], key: str) -> str:
    return environment.get(key) or environment.get(key.upper(), "")


def _is_excepted(name: str, exceptions: str) -> bool:
    folded = name.casefold()
    for item in exceptions.split(","):
        domain = item.strip().casefold().lstrip(".").strip("[]")
        if domain == "*" or (domain and (folded == domain or folded.endswith(f".{domain}"))):
            return True
    return False
