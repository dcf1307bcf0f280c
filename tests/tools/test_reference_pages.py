from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

from dialback.agent.settings import AgentSettings
from dialback.app.settings import Settings
from tools.reference_pages import AGENT_TABLES, DOCS, PAGES, SERVER_TABLES, documented


@pytest.mark.parametrize("name", PAGES)
def test_page_is_as_the_code_says(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")

    assert written == PAGES[name](), f"docs/{name} is stale: run `make docs`"


@pytest.mark.parametrize(
    "kind", [*SERVER_TABLES.values(), AgentSettings, *AGENT_TABLES.values()], ids=lambda kind: kind.__name__
)
def test_every_setting_is_documented_and_nothing_else(kind: type) -> None:
    assert list(documented(kind)) == [field.name for field in fields(kind)]


def test_every_table_of_the_settings_file_has_its_section() -> None:
    # OpenID providers come in a list of tables, which the how-to describes and a test of its own keeps whole.
    assert [*SERVER_TABLES, "oidc"] == [field.name for field in fields(Settings)]
    assert "[[oidc]]" in PAGES["settings.md"]()


def test_every_table_of_the_agents_file_has_its_section() -> None:
    nested = {
        field.name: kind
        for field in fields(AgentSettings)
        for kind in (field.type, *get_args(field.type))
        if isinstance(kind, type) and is_dataclass(kind)
    }
    assert nested == AGENT_TABLES
