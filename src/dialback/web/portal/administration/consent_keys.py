"""The keys that give a tenant's consent: what is registered of them, and the name of a new one.

The key itself is made in the browser and stays there (`static/consent.js`). What is registered says alone
whose signature it is: a host trusts a key once the tenant has put it into the host's own settings.
"""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from dialback.domain.accounts import Person
from dialback.domain.errors import Problem
from dialback.domain.provider import ConsentKey
from dialback.identity.grants import fingerprint, parse_public_key
from dialback.web.consents import MOST_KEYS
from dialback.web.forms import Form
from dialback.web.pages import own_path, see_other
from dialback.web.people import Administrator
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound

BROWSERS: Final = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chromium"), ("Firefox/", "Firefox"),
    ("Safari/", "Safari"),
)  # fmt: skip
"""What a browser calls itself, the first that is found: most call themselves Safari too."""
SYSTEMS: Final = (
    ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


class KeyProblem(Problem):
    """The key cannot be registered so."""


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router, provider = APIRouter(), portal.consents.provider

    @router.post("/admin/consent/keys")
    async def register(request: Request, person: Administrator, form: Form) -> Response:
        tenant, name = person.user.tenant, form.get("name", "").strip()
        try:
            key = ConsentKey(tenant, name, parse_public_key(form.get("public_key", "")))
        except ValueError as error:
            raise KeyProblem(str(error)) from error
        known = {each.name: each for each in await provider.consent_keys(tenant)}
        if known.get(name, key) != key:
            raise KeyProblem(f"there is another key named {name}; choose another name")
        if name not in known:
            if len(known) >= MOST_KEYS:
                raise KeyProblem(f"expected {MOST_KEYS} keys at most")
            await provider.save_consent_key(key)
            detail = fingerprint(key.public_key)
            portal.notes.did(request, person, "consent-key.save", f"consent-key:{name}", detail)
        return see_other(own_path(form.get("next", "")) if form.get("next") else "/admin/consent?said=key")

    @router.post("/admin/consent/keys/remove")
    async def remove(request: Request, person: Administrator, form: Form) -> Response:
        name = form.get("name", "")
        if not await provider.remove_consent_key(person.user.tenant, name):
            raise NotFound
        portal.notes.did(request, person, "consent-key.remove", f"consent-key:{name}")
        return see_other("/admin/consent?said=key-removed")

    return router


def key_facts(request: Request, person: Person, keys: Sequence[ConsentKey]) -> dict[str, Any]:
    """Return what a page says of keys, and what its script needs to know which of them is the browser's."""
    name = key_name(person.user.name, request.headers.get("user-agent", ""), {key.name for key in keys})
    return {
        "keys": keys,
        "key_owner": f"{person.user.tenant}/{person.user.id}",
        "key_person": person.user.name,
        "key_name": name,
        "registered": json.dumps({key.public_key.hex(): key.name for key in keys}),
    }


def key_name(user: str, user_agent: str, taken: Collection[str]) -> str:
    """Return a name for the key of this person's browser, such as `adam-Firefox-Windows`, that is not taken.

    It fits the command line too, which takes ids as names.
    """
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (BROWSERS, SYSTEMS)]
    words = [_UNFIT.sub("-", user).strip("-")[:30], *found]
    name = "-".join(word for word in words if word) or "browser"
    numbered = (f"{name}-{number}" for number in range(2, MOST_KEYS + 2))
    return name if name not in taken else next(each for each in numbered if each not in taken)
