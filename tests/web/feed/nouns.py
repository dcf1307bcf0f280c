"""What is published in the tests of the feed."""

from datetime import UTC, datetime

from dialback.domain.catalog import (
    ApplicationGroup,
    ApplicationGroupKind,
    PublishedResource,
    RemoteApp,
    UserAssignment,
    Workspace,
)
from dialback.domain.ids import (
    ApplicationGroupId,
    PoolId,
    ResourceId,
    ResourceName,
    TenantId,
    UserId,
    UserName,
    WorkspaceId,
)
from dialback.domain.pools import HostPool
from dialback.domain.tenancy import MAIN, Tenant, User

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = TenantId("other")
ANNA = User(MAIN, UserId("u1"), UserName("anna"))
THEIRS = User(OTHER, UserId("u1"), UserName("anna"))
SPACE = Workspace(MAIN, WorkspaceId("w1"), "Acme <&> Zoë 🖥 שלום", 'What "we" use')
POOL = HostPool(MAIN, PoolId("p1"), "Office")
APP_POOL = HostPool(MAIN, PoolId("p2"), "Apps")
DESKTOPS = ApplicationGroup(MAIN, ApplicationGroupId("a1"), "Desktops", POOL.id, workspace=SPACE.id)
APPS = ApplicationGroup(
    MAIN, ApplicationGroupId("a2"), "Apps", APP_POOL.id, ApplicationGroupKind.REMOTE_APP, SPACE.id
)
DESKTOP = PublishedResource(MAIN, ResourceId("r1"), DESKTOPS.id, ResourceName("office"), "Office desktop")
EDITOR = PublishedResource(
    MAIN,
    ResourceId("r2"),
    APPS.id,
    ResourceName("editor"),
    "Editor <&\"'> 𝄞 עורך",
    remote_app=RemoteApp("||editor", file_extensions=(".txt", ".TXT", ".log")),
    folders=("Office & more", "Tools"),
)
HIDDEN = PublishedResource(MAIN, ResourceId("r3"), DESKTOPS.id, ResourceName("hidden"), "Hidden", shown=False)
MAIN_TENANT, OTHER_TENANT = Tenant(MAIN, "Main"), Tenant(OTHER, "Other")
ASSIGNED = (UserAssignment(MAIN, DESKTOPS.id, ANNA.id), UserAssignment(MAIN, APPS.id, ANNA.id))
