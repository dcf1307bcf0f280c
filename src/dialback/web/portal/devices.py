"""My devices: workspace passwords, where I am signed in, my password and my one-time codes.

A secret is shown once, on the page that answers the form which made it; that page is not kept by the browser.
What weakens an account asks for what it weakens: a new password for the old one, new recovery codes and the
end of one-time codes for a code.
"""

from typing import Any, Final
from urllib.parse import quote

import segno
from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from dialback.domain.accounts import MAX_WORKSPACE_PASSWORDS, Person, SignInKind
from dialback.domain.errors import SENTENCES, Problem, Reason, Refused
from dialback.domain.passwords import MIN_PASSWORD_CHARS
from dialback.domain.secret import Secret
from dialback.identity.totp import SECRET_CHARS
from dialback.web import people
from dialback.web.feed.addresses import feed_url
from dialback.web.forms import Form
from dialback.web.origin import origin_of
from dialback.web.pages import see_other
from dialback.web.people import SignedIn
from dialback.web.portal.needs import Portal
from dialback.web.portal.subscribe import login_of
from dialback.web.problems import NotFound
from dialback.web.signin import in_words

ISSUER: Final = "Dialback"
SAID: Final = {
    "revoked": "Revoked: the device gets nothing more from the feed.",
    "ended": "That sign-in has ended.",
    "password": "Your password is changed, and every other sign-in has ended.",
    "no-codes": "One-time codes are off. Your password alone signs you in.",
}
KINDS: Final = {
    SignInKind.BROWSER: "Browser",
    SignInKind.FEED: "Subscribed client",
    SignInKind.CLI: "Command line",
}


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    authenticator, notes = portal.authenticator, portal.notes

    async def page(request: Request, person: Person, status: int = 200, **more: Any) -> Response:
        return await portal.pages.show(
            request, "devices.html", status, section="devices", **{**await _facts(portal, person), **more}
        )

    async def codes_page(request: Request, codes: tuple[Secret, ...]) -> Response:
        shown = [code.reveal() for code in codes]
        return await portal.pages.show(request, "recovery_codes.html", section="devices", codes=shown)

    @router.get("/devices")
    async def devices(request: Request, person: SignedIn, said: str = "") -> Response:
        return await page(request, person, said=SAID.get(said, ""))

    @router.post("/devices/workspace-passwords")
    async def make(request: Request, person: SignedIn, form: Form) -> Response:
        device = form.get("device", "").strip()
        try:
            password, secret = await authenticator.make_workspace_password(person.user, device)
        except (ValueError, Problem) as error:
            return await page(request, person, 422, device=device, device_error=_capital(str(error)))
        notes.did(request, person, "workspace-password.make", f"workspace-password:{password.id}", device)
        return await portal.pages.show(
            request,
            "workspace_password.html",
            section="devices",
            device=device,
            secret=secret.reveal(),
            login=login_of(person.user.tenant, person.user.name),
            feed=feed_url(portal.address),
        )

    @router.post("/devices/workspace-passwords/{id}/revoke")
    async def revoke(request: Request, person: SignedIn, id: str) -> Response:
        if not await authenticator.revoke_workspace_password(person.user, id):
            raise NotFound
        notes.did(request, person, "workspace-password.revoke", f"workspace-password:{id}")
        return see_other("/devices?said=revoked")

    @router.post("/devices/sign-ins/{mark}/end")
    async def end(request: Request, person: SignedIn, mark: str) -> Response:
        user = person.user
        own = await portal.accounts.sign_ins_of(user.tenant, user.id)
        found = next((one for one in own if one.hash == mark), None)
        if found is None:
            raise NotFound
        await portal.accounts.forget_sign_in(user.tenant, found.hash)
        notes.did(request, person, "sign-in.end", detail=f"{found.kind} from {found.origin.address}")
        return see_other("/signin" if found.hash == person.sign_in.hash else "/devices?said=ended")

    def note_refused(request: Request, person: Person, action: str, refused: Refused) -> None:
        user, said = person.user, SENTENCES[refused.reason]
        notes.note(request, user.tenant, user.name, action, detail=said, allowed=False)

    @router.post("/devices/password")
    async def change_password(request: Request, person: SignedIn, form: Form) -> Response:
        old, new = Secret(form.get("old", "")), Secret(form.get("new", ""))
        if new.reveal() != form.get("again", ""):
            return await page(request, person, 422, password_error="The two new passwords differ.")
        try:
            opened = await authenticator.change_password(
                person.user, old, new, form.get("code", "").strip(), origin_of(request)
            )
        except Refused as refused:
            note_refused(request, person, "password.refused", refused)
            wrong = refused.reason is Reason.SIGN_IN_REFUSED
            error = "The old password is wrong." if wrong else in_words(refused, portal.now())
            return await page(request, person, 403, password_error=error)
        notes.did(request, person, "password.set")
        response = see_other("/devices?said=password")
        people.set_cookie(response, opened.secret)
        return response

    @router.get("/devices/codes")
    async def enrol(request: Request, person: SignedIn) -> Response:
        if await authenticator.has_totp(person.user):
            return see_other("/devices")
        return await _enrolment(portal, request, person, authenticator.enrol_totp(person.user, ISSUER).secret)

    @router.post("/devices/codes")
    async def confirm(request: Request, person: SignedIn, form: Form) -> Response:
        secret, code = Secret(form.get("secret", "")), form.get("code", "").replace(" ", "")
        try:
            codes = await authenticator.confirm_totp(person.user, secret, code)
        except Refused as refused:
            note_refused(request, person, "one-time-codes.refused", refused)
            return await _enrolment(portal, request, person, secret, refused)
        notes.did(request, person, "one-time-codes.set")
        return await codes_page(request, codes)

    @router.post("/devices/recovery-codes")
    async def renew(request: Request, person: SignedIn, form: Form) -> Response:
        try:
            codes = await authenticator.renew_recovery_codes(person.user, form.get("code", "").strip())
        except Refused as refused:
            note_refused(request, person, "recovery-codes.refused", refused)
            return await page(request, person, 403, codes_error=in_words(refused, portal.now()))
        notes.did(request, person, "recovery-codes.renew")
        return await codes_page(request, codes)

    @router.post("/devices/codes/remove")
    async def remove(request: Request, person: SignedIn, form: Form) -> Response:
        try:
            await authenticator.remove_totp(person.user, form.get("code", "").strip())
        except Refused as refused:
            note_refused(request, person, "one-time-codes.refused", refused)
            return await page(request, person, 403, codes_error=in_words(refused, portal.now()))
        notes.did(request, person, "one-time-codes.remove")
        return see_other("/devices?said=no-codes")

    return router


async def _facts(portal: Portal, person: Person) -> dict[str, Any]:
    user = person.user
    return {
        "passwords": await portal.accounts.workspace_passwords(user.tenant, user.id),
        "most": MAX_WORKSPACE_PASSWORDS,
        "sign_ins": await portal.authenticator.sign_ins_of(user),
        "own": person.sign_in.hash,
        "kinds": KINDS,
        "has_password": await portal.authenticator.has_password(user),
        "has_totp": await portal.authenticator.has_totp(user),
        "least": MIN_PASSWORD_CHARS,
        "said": "",
        "device": "",
        "device_error": "",
        "password_error": "",
        "codes_error": "",
    }


async def _enrolment(
    portal: Portal, request: Request, person: Person, secret: Secret, refused: Refused | None = None
) -> Response:
    text = secret.reveal()
    if len(text) != SECRET_CHARS:
        # Not the one that we gave: begin anew.
        raise NotFound
    return await portal.pages.show(
        request,
        "one_time_codes.html",
        403 if refused else 200,
        section="devices",
        secret=text,
        groups=" ".join(text[at : at + 4] for at in range(0, len(text), 4)),
        picture=qr_of(uri_of(person.user.name, text)),
        error=in_words(refused, portal.now()) if refused else "",
    )


def uri_of(name: str, secret: str) -> str:
    """Return what an authenticator app's camera reads: the `otpauth:` URI of the secret."""
    return f"otpauth://totp/{ISSUER}:{quote(name, safe='')}?secret={quote(secret)}&issuer={ISSUER}"


def qr_of(text: str) -> Markup:
    """Return the text as a QR code: an SVG element of its own, black on white in any colour scheme."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(
        border=2, dark="#000000", light="#ffffff", omitsize=True, svgclass=None, lineclass=None
    )
    # Drawn by us from its modules alone: the text is in it as squares, not as text.
    return Markup(svg.replace("<svg ", '<svg role="img" aria-label="QR code of the secret" ', 1))


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
