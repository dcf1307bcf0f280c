from dialback.identity.publisher import POLICY, registry_file


def test_registry_file_sets_the_policy_to_the_thumbprint() -> None:
    lines = registry_file("AB12").splitlines()
    assert lines[0] == "Windows Registry Editor Version 5.00"
    assert lines[-2:] == [f"[{POLICY}]", '"TrustedCertThumbprints"="AB12"']
