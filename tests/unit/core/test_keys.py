"""The key schema."""

import pytest

from waypoint_core.errors import CodecError
from waypoint_core.keys import REGISTERED, Keys, browser_id, check_host_name, host_of

LIFE = "0123456789abcdef0123456789abcdef"


def test_the_schema_is_the_documented_one() -> None:
    keys = Keys()
    assert keys.host_alive("h1") == "/waypoint/v1/hosts/h1/alive"
    assert keys.host_summary("h1") == "/waypoint/v1/hosts/h1/summary"
    assert keys.instance("h1", "i") == "/waypoint/v1/inst/h1/i"
    assert keys.claim("i") == "/waypoint/v1/claims/i"
    assert keys.proxy("p") == "/waypoint/v1/proxies/p"
    assert keys.desired_host("h1") == "/waypoint/v1/desired/hosts/h1"
    assert keys.desired_instance("h1", "i") == "/waypoint/v1/desired/inst/h1/i"


@pytest.mark.parametrize("other", ["web10", "web1.example", "web1-2"])
def test_a_hosts_claims_are_apart_from_those_of_a_host_with_a_longer_name(other: str) -> None:
    keys = Keys()
    assert keys.claim(browser_id("web1", 0, LIFE)).startswith(keys.host_claims("web1"))
    assert not keys.claim(browser_id(other, 0, LIFE)).startswith(keys.host_claims("web1"))


def test_a_browsers_id_names_its_host() -> None:
    assert host_of(browser_id("web1.example", 3, LIFE)) == "web1.example"
    assert host_of("some-vllm-server") == REGISTERED
    assert host_of("web1_3") == REGISTERED


@pytest.mark.parametrize("name", ["", "UPPER", "a_b", "a/b", "-a", "a-", "ä", "a" * 254])
def test_a_name_that_would_break_keys_is_refused(name: str) -> None:
    with pytest.raises(CodecError, match="cannot use"):
        check_host_name(name)


def test_parts() -> None:
    keys = Keys("/x/")
    assert keys.parts("/x/inst/h1/i", keys.instances) == ("h1", "i")
    with pytest.raises(CodecError, match="not below"):
        keys.parts("/y/inst/h1/i", keys.instances)
    with pytest.raises(CodecError, match="empty"):
        keys.parts("/x/inst//i", keys.instances)
    with pytest.raises(CodecError, match=r"'/x/inst/h1/\\udcff': it is not UTF-8"):
        keys.parts("/x/inst/h1/\udcff", keys.instances)


def test_a_strangers_id_that_is_not_utf_8_gives_a_key() -> None:
    assert Keys("/x/").desired_instance("h1", "ä\udcff") == "/x/desired/inst/h1/%C3%A4%FF"
