import re
from dataclasses import fields
from pathlib import Path

import pytest

from dialback.agent.settings import AgentSettings, build_settings, load_settings, parse_settings, policy_of
from dialback.domain.consent import ConsentMode, ConsentScope
from dialback.settings.file import SettingsProblem


def test_missing_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == AgentSettings(("127.0.0.1:3389",), "", 60, 60, 10)


def test_file_sets_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(
        'targets = ["unix:/run/x", "[::1]:3389"]\nproxy = "http://u:p@proxy:8080"\nprobe_interval_s = 0.5\n'
    )

    settings = load_settings(tmp_path)

    assert settings.targets == ("unix:/run/x", "[::1]:3389")
    assert settings.proxy == "http://u:p@proxy:8080"
    assert settings.probe_interval_s == 0.5
    assert settings.dial_timeout_s == 10


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("target = []", "unknown setting 'target'; known are targets, proxy"),
        ('targets = "127.0.0.1:3389"', "'targets' cannot be used"),
        ('targets = ["127.0.0.1"]', "'targets' cannot be used.*expected NAME:PORT"),
        ("targets = [3389]", "'targets' cannot be used"),
        ('probe_interval_s = "60"', "'probe_interval_s' cannot be used"),
        ("probe_interval_s = true", "'probe_interval_s' cannot be used"),
        ("reconnect_most_s = 0", "'reconnect_most_s' cannot be used"),
        ("reconnect_most_s = nan", "'reconnect_most_s' cannot be used"),
        ("dial_timeout_s = inf", "'dial_timeout_s' cannot be used"),
        ("dial_timeout_s = 1979-05-27", "'dial_timeout_s' cannot be used"),
        ("session_interval_s = 0", "'session_interval_s' cannot be used"),
        ("least_free_disk_mb = -1", "'least_free_disk_mb' cannot be used"),
        ("most_load_per_cpu = nan", "'most_load_per_cpu' cannot be used"),
        ("least_free_memory_percent = 101", "'least_free_memory_percent' cannot be used"),
        ("targets =", "is no TOML"),
        ("[management]\nrestart = 'x'", "unknown setting 'management.restart'"),
        ("[management]\nenabled = 1", "'management.enabled' cannot be used"),
        (
            '[management]\nrestart_rdp = "systemctl \'restart"',
            "'management.restart_rdp' cannot be used.*quot",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_the_file(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "agent.toml").write_text(line)

    with pytest.raises(SettingsProblem, match=said) as problem:
        load_settings(tmp_path)
    assert str(tmp_path / "agent.toml") in str(problem.value)


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_bytes(b"\xff")

    with pytest.raises(SettingsProblem, match="cannot read"):
        load_settings(tmp_path)


@pytest.mark.parametrize("proxy", ["https://u:hunter2@proxy", "http://u:hunter2/x@proxy:1"])
def test_problem_with_a_proxy_does_not_show_its_password(proxy: str) -> None:
    with pytest.raises(SettingsProblem, match="'proxy' cannot be used") as problem:
        parse_settings(f'proxy = "{proxy}"', "agent.toml")
    assert "hunter2" not in str(problem.value)


def test_text_form_does_not_show_the_proxy() -> None:
    assert "hunter2" not in repr(AgentSettings(proxy="http://u:hunter2@proxy"))


def test_new_file_says_what_was_given_and_names_every_setting() -> None:
    text = build_settings(["unix:/run/x"], "http://proxy:1")

    settings = parse_settings(text, "agent.toml")
    assert (settings.targets, settings.proxy) == (("unix:/run/x",), "http://proxy:1")
    assert [each.name for each in fields(AgentSettings) if each.name not in text] == []


def test_new_file_without_anything_given_has_the_defaults() -> None:
    assert parse_settings(build_settings(), "agent.toml") == AgentSettings()


def test_comments_of_the_new_file_tell_the_true_defaults() -> None:
    uncommented = re.sub(r"^# (\w+ = )", r"\1", build_settings(), flags=re.MULTILINE)

    assert uncommented.count("\n# ") < build_settings().count("\n# ")
    assert parse_settings(uncommented, "agent.toml") == AgentSettings()


def test_nobody_of_the_provider_comes_in_until_the_file_says_so() -> None:
    assert AgentSettings().consent is None
    settings = parse_settings('[consent]\nmode = "window"\nwindows = ["sat 09:00-12:00"]\n', "agent.toml")
    assert settings.consent is not None
    assert settings.consent.users == "refuse"
    policy = policy_of(settings.consent)
    assert (policy.mode, len(policy.windows), policy.scopes) == (
        ConsentMode.WINDOW,
        1,
        frozenset(ConsentScope),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mod = 'ask'", "unknown setting 'consent.mod'"),
        ("mode = 'window'", "it would never open"),
        ("mode = 'sometimes'", "consent.mode"),
        ("windows = ['8-18']", "expected hours"),
        ("keys = ['abc']", "expected a consent key"),
        ("approvers = 0", "consent.approvers"),
        ("approvers = 6", "consent.approvers"),
        ("scopes = ['everything']", "consent.scopes"),
        ("targets = ['nowhere']", "expected NAME:PORT"),
        ("users = 'maybe'", "consent.users"),
    ],
)
def test_a_misspelt_rule_of_consent_is_not_taken_for_none(text: str, why: str) -> None:
    with pytest.raises(SettingsProblem, match=re.escape(why)):
        parse_settings(f"[consent]\n{text}\n", "agent.toml")


def test_management_is_off_until_the_file_says_otherwise() -> None:
    assert not AgentSettings().management.enabled
    text = '[management]\nenabled = true\nrestart_rdp = "systemctl restart xrdp"\n'
    settings = parse_settings(text, "agent.toml").management
    assert (settings.enabled, settings.restart_rdp, settings.update_agent) == (
        True,
        "systemctl restart xrdp",
        "",
    )
