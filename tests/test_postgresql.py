"""A machine without PostgreSQL skips the tests that need it, and fails them in CI."""

import pytest

from tests import postgresql


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_missing_server_skips_on_a_laptop_and_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(postgresql, "programs", lambda: None)
    with pytest.raises(outcome, match=r"tools/packages\.sh test"), postgresql.running():
        pass


def test_server_on_loopback_ends_with_the_block_and_leaves_nothing() -> None:
    postgresql.require()
    with postgresql.running() as server:
        folder = server.say("postgres", "SHOW data_directory").strip()
        assert server.say("postgres", "SHOW listen_addresses").strip() == "127.0.0.1"
        assert server.new_database().startswith(f"postgresql://dialback:{server.password}@127.0.0.1:")
    assert not postgresql.Path(folder).exists()
