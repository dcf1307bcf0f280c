"""Who signs connection files: thumbprints, and how Windows is told to trust them.

The root is the one above the certificate that signs. `/ca.pem` may be another: that of the server's own.
"""

from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import APIRouter, Request, Response

from dialback.identity.certificates import WARN_DAYS
from dialback.identity.publisher import GROUP_POLICY, registry_file
from dialback.web.people import Administrator
from dialback.web.portal.needs import Portal
from dialback.web.problems import NotFound


def make_router(portal: Portal) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    key = portal.publisher

    @router.get("/admin/publisher")
    async def publisher(request: Request, person: Administrator) -> Response:
        return await portal.pages.show(
            request,
            "admin_publisher.html",
            section="admin",
            in_tab="publisher",
            facts=key.facts,
            days_left=key.facts.days_left(portal.now()),
            warn_days=WARN_DAYS,
            sha1=key.sha1,
            sha256=key.sha256,
            registry=registry_file(key.sha1),
            group_policy=GROUP_POLICY,
            authority=key.chain[-1].issuer.rfc4514_string(),
            has_root=key.root is not None,
        )

    @router.get("/admin/publisher.reg")
    async def registry(person: Administrator) -> Response:
        headers = {"Content-Disposition": 'attachment; filename="trust-publisher.reg"'}
        return Response(registry_file(key.sha1), headers=headers, media_type="text/plain")

    @router.get("/admin/publisher-ca.pem")
    async def root(person: Administrator) -> Response:
        if key.root is None:
            raise NotFound
        headers = {"Content-Disposition": 'attachment; filename="publisher-ca.pem"'}
        return Response(key.root.public_bytes(Encoding.PEM), headers=headers, media_type="text/plain")

    return router
