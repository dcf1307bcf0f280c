"""What the window takes of the API's answers."""

from dataclasses import fields

import pytest
from pydantic import BaseModel, TypeAdapter

from dialback.console.window.platform import Host, Tenant
from dialback.domain.hosts import HostReport, RdpServer
from dialback.web.api.hosts import RdpServerView, ReportView
from dialback.web.api.provider import HostStateView, ServedTenantView
from tests.console.window.platform_stub import StubHost


@pytest.mark.parametrize(
    ("kind", "view"),
    [(Host, HostStateView), (Tenant, ServedTenantView), (HostReport, ReportView), (RdpServer, RdpServerView)],
)
def test_every_field_is_one_of_the_api(kind: type, view: type[BaseModel]) -> None:
    assert {field.name for field in fields(kind)} <= set(view.model_fields)


def test_host_is_read_as_the_api_tells_it() -> None:
    told = StubHost("h1", "files", failed=("disk",)).view("ab" * 32)

    (host,) = TypeAdapter(tuple[Host, ...]).validate_python([told])

    assert (host.id, host.name, host.failed) == ("h1", "files", ("disk",))
    assert host.report is not None
    assert host.report.rdp_servers[0].certificate_sha256 == "ab" * 32
    assert host.link_changed_at is not None
