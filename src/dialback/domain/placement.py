"""Which session host a connection goes to: decisions over facts, without fetching or telling anybody."""

from dialback.domain.catalog import Resource
from dialback.domain.contracts import Admission, Placement
from dialback.domain.errors import Reason, Refused
from dialback.domain.hosts import Host
from dialback.domain.ids import ResourceName


def check_alias(admission: Admission, alias: str) -> ResourceName:
    """Return the resource the alias names, which must be the one the admission opens.

    Raises:
        Refused: `RESOURCE_NOT_GRANTED`.
    """
    if alias != admission.resource:
        raise Refused(
            Reason.RESOURCE_NOT_GRANTED, f"asked for {alias[:80]!r}, admitted to {admission.resource}"
        )
    return admission.resource


def choose_host(resource: Resource | None, assigned: bool, host: Host | None, link_up: bool) -> Placement:
    """Return where to place a connection to the resource.

    Args:
        assigned: whether the user may use the resource now; it may have been taken back since the admission.
        host: the resource's host, None if it is gone.
        link_up: whether the host's agent link stands.

    Raises:
        Refused: `RESOURCE_NOT_GRANTED`, `HOST_REVOKED` or `HOST_OFFLINE`.
    """
    if resource is None or not assigned:
        raise Refused(Reason.RESOURCE_NOT_GRANTED, "the resource is gone or no longer assigned to the user")
    if host is None or host.revoked_at is not None:
        raise Refused(Reason.HOST_REVOKED, str(resource.host_id))
    if not link_up:
        raise Refused(Reason.HOST_OFFLINE, host.name)
    return Placement(host.id, host.public_key, resource.target)
