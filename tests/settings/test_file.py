import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field

from dialback.broker.settings import BrokerSettings
from dialback.gateway.settings import GatewaySettings
from dialback.settings.file import Seconds, SettingsProblem, parse_settings, read_settings


def _check_even(value: int) -> int:
    if value % 2:
        raise ValueError(f"expected an even number, got {value}")
    return value


@dataclass(frozen=True, slots=True)
class Table:
    names: tuple[str, ...] = ("a",)
    wait_s: Seconds = 5
    count: Annotated[int, Field(ge=1, le=9)] = 3
    level: Literal["info", "debug"] = "info"
    on: bool = False
    even: Annotated[int, AfterValidator(_check_even)] = 2

    def __post_init__(self) -> None:
        if self.on and self.level == "debug":
            raise ValueError("expected on or debug, got both")


@dataclass(frozen=True, slots=True)
class Whole:
    table: Table = field(default_factory=Table)
    top: str = ""


def test_missing_file_gives_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml", Whole) == Whole()


def test_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text('top = "ä"\n[table]\nnames = ["x", "y"]\nwait_s = 0.5\n', encoding="utf-8")

    assert read_settings(path, Whole) == Whole(Table(("x", "y"), 0.5), "ä")


def test_whole_number_is_taken_for_seconds() -> None:
    assert parse_settings("wait_s = 7", "it", Table).wait_s == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tabel = 1", "it has the unknown setting 'tabel'; known are table, top"),
        ("[table]\nwait = 1", "it has the unknown setting 'table.wait'; known are names, wait_s, count"),
        ("table = 1", "it: the setting 'table' cannot be used: input should be an object"),
        ("top = 1", "it: the setting 'top' cannot be used: input should be a valid string"),
        ("[table]\nnames = 'x'", "'table.names' cannot be used"),
        ("[table]\nnames = ['x', 1]", "'table.names' cannot be used"),
        ("[table]\nwait_s = '5'", "'table.wait_s' cannot be used"),
        ("[table]\nwait_s = true", "'table.wait_s' cannot be used"),
        ("[table]\nwait_s = 0", "'table.wait_s' cannot be used: input should be greater than 0"),
        ("[table]\nwait_s = 3601", "'table.wait_s' cannot be used: input should be less than or equal to"),
        ("[table]\nwait_s = nan", "'table.wait_s' cannot be used"),
        ("[table]\nwait_s = inf", "'table.wait_s' cannot be used"),
        ("[table]\nwait_s = 1979-05-27", "'table.wait_s' cannot be used"),
        ("[table]\ncount = 2.0", "'table.count' cannot be used"),
        ("[table]\ncount = 10", "'table.count' cannot be used: input should be less than or equal to 9"),
        ("[table]\ncount = 99999999999999999999999", "'table.count' cannot be used"),
        ("[table]\nlevel = 'loud'", "'table.level' cannot be used: input should be 'info' or 'debug'"),
        ("[table]\non = 1", "'table.on' cannot be used"),
        ("[table]\neven = 3", "'table.even' cannot be used: expected an even number, got 3"),
        ("[table]\non = true\nlevel = 'debug'", "'table' cannot be used: expected on or debug, got both"),
        ("[table", "it is no TOML"),
        ("top = 'x'\ntop = 'y'", "it is no TOML"),
    ],
)
def test_mistake_is_named_with_key_and_file(text: str, said: str) -> None:
    with pytest.raises(SettingsProblem) as problem:
        parse_settings(text, "it", Whole)

    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_value_of_a_wrong_setting_is_not_repeated() -> None:
    with pytest.raises(SettingsProblem) as problem:
        parse_settings("top = ['hunter2']", "it", Whole)

    assert "hunter2" not in str(problem.value)


def test_file_that_is_no_text_or_a_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsProblem, match=r"cannot read .*some\.toml: expected UTF-8"):
        read_settings(path, Whole)
    with pytest.raises(SettingsProblem, match="cannot read"):
        read_settings(tmp_path, Whole)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (BrokerSettings, "heartbeat_s = 0"),
        (BrokerSettings, "heartbeat_s = 30"),
        (BrokerSettings, "hello_deadline_s = 0"),
        (BrokerSettings, "dial_deadline_s = -1"),
        (BrokerSettings, "keep_records_days = 0"),
        (BrokerSettings, "keep_records_days = 1000000"),
        (GatewaySettings, "handshake_deadline_s = 0"),
        (GatewaySettings, "channel_deadline_s = 1e9"),
        (GatewaySettings, "pairing_deadline_s = 0"),
        (GatewaySettings, "host_deadline_s = 0"),
        (GatewaySettings, "keepalive_s = 0"),
        (GatewaySettings, "unfinished_per_address = 0"),
    ],
)
def test_numbers_of_the_roles_have_bounds(kind: type, line: str) -> None:
    with pytest.raises(SettingsProblem, match=f"'{line.split()[0]}' cannot be used"):
        parse_settings(line, "it", kind)


@pytest.mark.parametrize("kind", [BrokerSettings, GatewaySettings])
def test_defaults_keep_their_own_bounds(kind: type) -> None:
    # Numbers, texts and lists are written in JSON as in TOML.
    lines = [f"{name} = {json.dumps(getattr(kind(), name))}" for name in kind.__dataclass_fields__]

    assert parse_settings("\n".join(lines), "it", kind) == kind()


@dataclass(frozen=True)
class Inner:
    size: int = 1


@dataclass(frozen=True)
class Outer:
    inner: Inner | None = None
    name: Annotated[str, Field(max_length=5)] = ""


def test_table_that_need_not_be_there_has_its_keys_checked_when_it_is() -> None:
    assert parse_settings("", "x.toml", Outer) == Outer()
    assert parse_settings("[inner]\nsize = 2\n", "x.toml", Outer) == Outer(Inner(2))
    with pytest.raises(SettingsProblem, match=r"unknown setting 'inner\.sise'; known are size"):
        parse_settings("[inner]\nsise = 2\n", "x.toml", Outer)
    with pytest.raises(SettingsProblem, match="'name' cannot be used"):
        parse_settings("[name]\nsize = 2\n", "x.toml", Outer)
