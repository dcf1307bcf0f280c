import pytest

from dialback.transport.dial import Proxy
from dialback.transport.proxies import choose_proxy

HTTPS = {"HTTPS_PROXY": "http://proxy:8080"}
PROXY = Proxy("proxy", 8080)


def test_without_setting_and_environment_there_is_none() -> None:
    assert choose_proxy("", {}, "desk.example") is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_environment_is_honoured_in_both_spellings(name: str) -> None:
    assert choose_proxy("", {name: "http://proxy:8080"}, "desk.example") == PROXY


def test_lower_case_wins() -> None:
    both = {"HTTPS_PROXY": "http://other:1", "https_proxy": "http://proxy:8080"}
    assert choose_proxy("", both, "desk.example") == PROXY


def test_setting_counts_before_the_environment_and_its_exceptions() -> None:
    environment = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}
    assert choose_proxy("http://proxy:8080", environment, "desk.example") == PROXY


@pytest.mark.parametrize(
    "exceptions", ["*", "desk.example", ".example", "example", "a, DESK.example ,b", "EXAMPLE"]
)
def test_excepted_name_is_dialled_straight(exceptions: str) -> None:
    assert choose_proxy("", HTTPS | {"NO_PROXY": exceptions}, "desk.example") is None


@pytest.mark.parametrize("exceptions", ["", ",", "sk.example", "other.example", "desk.example.org"])
def test_other_names_go_through_the_proxy(exceptions: str) -> None:
    assert choose_proxy("", HTTPS | {"no_proxy": exceptions}, "desk.example") == PROXY


def test_excepted_ipv6_address_may_stand_in_brackets() -> None:
    assert choose_proxy("", HTTPS | {"no_proxy": "[::1]"}, "::1") is None


def test_proxy_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="as proxy") as problem:
        choose_proxy("", {"https_proxy": "socks5://u:hunter2@proxy"}, "desk.example")
    assert "hunter2" not in str(problem.value)
