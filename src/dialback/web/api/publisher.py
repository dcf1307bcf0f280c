"""`/publisher`: who signs connection files and flight records, for whoever tells clients to trust it."""

from datetime import datetime

from fastapi import APIRouter

from dialback.web.api.parts import Api, Me, View


class PublisherView(View):
    """The certificate that signs connection files, with its thumbprints in hexadecimal.

    `platform_key` is the public half of the key that signs flight records, empty while there is none.
    """

    subject: str
    names: list[str]
    not_before: datetime
    not_after: datetime
    days_left: int
    sha256: str
    thumbprint_sha1: str
    thumbprint_sha256: str
    platform_key: str


def add_routes(router: APIRouter, api: Api) -> None:
    """Add the routes."""

    @router.get("/publisher", summary="Read who signs connection files, and until when")
    async def read_publisher(me: Me) -> PublisherView:
        key = api.files.key
        return PublisherView(
            subject=key.facts.subject,
            names=list(key.facts.names),
            not_before=key.facts.not_before,
            not_after=key.facts.not_after,
            days_left=key.facts.days_left(api.now()),
            sha256=key.facts.sha256,
            thumbprint_sha1=key.sha1,
            thumbprint_sha256=key.sha256,
            platform_key=api.platform_key.hex(),
        )
