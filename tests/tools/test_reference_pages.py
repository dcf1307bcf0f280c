from dataclasses import fields

import pytest

from dialback.agent.settings import AgentSettings
from dialback.app.settings import Settings
from tools.reference_pages import DOCS, PAGES, SERVER_TABLES, documented


@pytest.mark.parametrize("name", PAGES)
def test_page_is_as_the_code_says(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")

    assert written == PAGES[name](), f"docs/{name} is stale: run `make docs`"


@pytest.mark.parametrize("kind", [*SERVER_TABLES.values(), AgentSettings], ids=lambda kind: kind.__name__)
def test_every_setting_is_documented_and_nothing_else(kind: type) -> None:
    assert list(documented(kind)) == [field.name for field in fields(kind)]


def test_every_table_of_the_settings_file_has_its_section() -> None:
    assert list(SERVER_TABLES) == [field.name for field in fields(Settings)]
