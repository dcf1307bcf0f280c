from dialback.gateway.settings import GatewaySettings


def test_deadlines_fit_into_each_other() -> None:
    settings = GatewaySettings()
    assert settings.host_deadline_s < 30, "the sheet's receive timer of clients"
    assert 30 <= settings.keepalive_s <= 60
