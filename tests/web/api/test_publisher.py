from tests.web.api.stage import ApiStage


async def test_publisher_is_told_with_both_thumbprints_and_the_days_left(api: ApiStage) -> None:
    key = api.api.files.key

    told = await api.good("GET", "/publisher")

    assert (told["thumbprint_sha1"], told["thumbprint_sha256"]) == (key.sha1, key.sha256)
    assert (told["subject"], told["sha256"]) == (key.facts.subject, key.facts.sha256)
    assert told["days_left"] == key.facts.days_left(api.now)
    assert told["platform_key"] == ""
