"""The page about the API names every operation a tenant has, what each needs, and every reason."""

from pathlib import Path

from dialback.web.api.needs import NEEDS
from dialback.web.api.problems import STATUS, TITLES, ApiReason
from tests.web.api.stage import ApiStage

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "api.md"
PROVIDER_PAGE = PAGE.with_name("serve-tenants.md")
ELSEWHERE = ("/provider", "/consent", "/flights")
"""Families that have a page of their own."""


def test_every_operation_is_documented_with_what_it_needs(api: ApiStage) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for path, methods in api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if path.startswith(ELSEWHERE):
                continue
            needs = NEEDS[operation["operationId"]]
            role = needs.role.value if needs.role else "anybody"
            scopes = ", ".join(f"`{scope}`" for scope in sorted(needs.scopes)) or "persons alone"
            if needs.role is None:
                scopes = "no token"
            assert f"| `{method.upper()} {path}` | {role} | {scopes} | {operation['summary']} |" in page


def test_every_operation_of_provider_and_consent_is_documented_with_who_may(api: ApiStage) -> None:
    page = PROVIDER_PAGE.read_text(encoding="utf-8")
    for path, methods in api.app.openapi()["paths"].items():
        for method, operation in methods.items():
            needs = NEEDS[operation["operationId"]]
            if path.startswith(ELSEWHERE):
                role = needs.role.value if needs.role else "who has the token"
                who = needs.staff.value if needs.staff else role
                assert f"| `{method.upper()} {path}` | {who} | {operation['summary']} |" in page


def test_every_reason_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for reason in ApiReason:
        assert f"| `{reason.value}` | {STATUS[reason]} | {TITLES[reason]} |" in page
