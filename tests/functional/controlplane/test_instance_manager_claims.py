"""Browsers that agents run, claimed in the old style: by setting a parent."""

import asyncio
from dataclasses import replace

import grpc
import grpc.aio
import pytest

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import number, refused
from waypoint_controlplane.serve import settle
from waypoint_core.codec import encode
from waypoint_core.model import Claim, ClaimKind, DesiredHost, HostState, InstanceState, KillRequest, KnownHost


async def test_a_browser_is_listed_and_described(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    browser = await managed.browser(3)
    await member.until(lambda: browser in member.fleet.instances)
    assert await member.client.all("CHROME_BROWSER") == [browser]
    found = await member.client.get(browser)
    assert found.instance_type == number("InstanceType", "CHROME_BROWSER")
    assert found.services.chrome_debug_port_service == "10.0.0.1:22003"
    assert found.HasField("health_check")
    assert not found.HasField("parent")
    assert await member.client.update(browser, health=True)


async def test_where_a_browser_answers(managed: Managing) -> None:
    member = await managed.member()
    await managed.host(proxy=False)
    browser = await managed.browser()
    assert not (await member.client.get(browser)).HasField("services")
    edge = replace(managed.proxy, direct_port=0)
    await managed.registry.put(managed.keys.proxy("p"), encode(edge))
    await member.until(lambda: "p" in member.fleet.proxies)
    assert (await member.client.get(browser)).services.chrome_debug_port_service == "10.0.0.1:9222"
    served = Claim("p", "r", kind=ClaimKind.DIRECT, address="10.0.0.1:4")
    await managed.registry.put(managed.keys.claim(browser), encode(served))
    await member.until(lambda: browser in member.fleet.claims)
    assert (await member.client.get(browser)).services.chrome_debug_port_service == "10.0.0.1:4"
    assert await member.client.all("CHROME_BROWSER") == [browser]


async def test_who_sets_the_parent_has_the_browser(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    await member.client.add("parent")
    assert await member.client.update(browser, parent="parent")
    claim = await managed.record(f"claims/{browser}")
    assert claim
    assert (claim["proxy"], claim["kind"], claim["address"]) == ("p", "direct", "10.0.0.1:22000")
    found = await member.client.get(browser)
    assert found.parent.instance_id.instance_id == "parent"
    assert found.services.chrome_debug_port_service == "10.0.0.1:22000"
    children = (await member.client.get("parent")).children.children
    assert [each.instance_id.instance_id for each in children] == [browser]
    assert not await member.client.update(browser, parent="parent")


async def test_fifty_claim_one_browser_and_one_has_it(managed: Managing) -> None:
    members = [await managed.member() for _ in range(3)]
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    parents = [f"parent{number}" for number in range(50)]
    await asyncio.gather(*(members[0].client.add(parent) for parent in parents))
    done = await asyncio.gather(
        *(members[number % 3].client.update(browser, parent=parent) for number, parent in enumerate(parents))
    )
    assert done.count(True) == 1
    winner = parents[done.index(True)]
    bonds = [key for key in await managed.there() if key.startswith("bindings/")]
    assert bonds == [f"bindings/{winner}/{browser}"]


async def test_claims_through_children(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    first, second = await managed.browser(0), await managed.browser(1)
    await member.client.add("a")
    assert await member.client.update("a", children=[first])
    assert await member.client.add("b", children=[second])
    assert not await member.client.add("c", children=[second])
    assert await member.client.all() == ["a", "b"]
    for browser, parent in ((first, "a"), (second, "b")):
        assert (await member.client.get(browser)).parent.instance_id.instance_id == parent


async def test_a_browser_may_be_a_parent(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    browser = await managed.browser()
    assert await member.client.add("a", parent=browser)
    assert "bindings/" + browser + "/a" in await managed.there()


async def test_a_browser_does_not_descend_from_itself(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    browser = await managed.browser()
    await member.client.add("a", parent=browser)
    code, _ = await refused(member.client.update(browser, parent="a"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("adding", [False, True])
async def test_a_claim_that_the_proxy_gives_up_leaves_nothing(managed: Managing, adding: bool) -> None:
    member = await managed.member()
    await managed.host()
    await managed.obeying(gives_up=True)
    browser = await managed.browser()
    await member.client.add("parent")
    before = (await managed.there()).keys()
    if adding:
        assert not await member.client.add("new", parent="parent", children=[browser])
    else:
        assert not await member.client.update(browser, parent="parent")
    assert (await managed.there()).keys() == before
    assert not (await member.client.get(browser)).HasField("parent")


async def test_a_claim_that_no_proxy_answers_leaves_nothing(managed: Managing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "PATIENCE", 0.5)
    member = await managed.member()
    await managed.host()
    browser = await managed.browser()
    await member.client.add("parent")
    before = (await managed.there()).keys()
    assert not await member.client.update(browser, parent="parent")
    assert (await managed.there()).keys() == before


async def test_without_a_proxy_that_can_the_refusal_says_so(managed: Managing) -> None:
    member = await managed.member()
    await managed.host(proxy=False)
    browser = await managed.browser()
    await member.client.add("parent")
    code, text = await refused(member.client.update(browser, parent="parent"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "no proxy lives on h" in text
    await managed.registry.put(managed.keys.proxy("p"), encode(replace(managed.proxy, direct_port=0)))
    await member.until(lambda: "p" in member.fleet.proxies)
    code, text = await refused(member.client.update(browser, parent="parent"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "proxy.direct_port" in text


@pytest.mark.parametrize(
    "obstacle", ["claimed", "not open", "failed", "killed", "suspect", "gone", "dead parent", "cordoned"]
)
async def test_what_cannot_be_claimed(managed: Managing, obstacle: str) -> None:
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    browser = await managed.browser(
        open=obstacle != "not open",
        state=InstanceState.FAILED if obstacle == "failed" else InstanceState.READY,
    )
    await member.client.add("parent")
    registry, keys = managed.registry, managed.keys
    match obstacle:
        case "claimed":
            await registry.put(
                keys.claim(browser), encode(Claim("p", "other", kind=ClaimKind.DIRECT, address="10.0.0.1:4"))
            )
        case "killed":
            await registry.put(keys.desired_instance("h", browser), encode(KillRequest("why")))
        case "suspect":
            await registry.delete(keys.host_alive("h"))
        case "gone":
            await registry.put(keys.known_host("h"), encode(KnownHost(HostState.GONE, 0.0)))
            await member.until(lambda: "h" in member.fleet.known)  # a claim's transaction does not compare it
        case "dead parent":
            await member.client.update("parent", kill="KILLED")
        case "cordoned":
            await registry.put(keys.desired_host("h"), encode(DesiredHost(cordon=True)))
            await member.until(lambda: "h" in member.fleet.desired)  # nor this: its agent closes the browser
    before = await managed.there()
    assert not await member.client.update(browser, parent="parent")
    assert await managed.there() == before
    listed = obstacle in {"claimed", "not open", "dead parent", "cordoned"}
    assert await member.client.all("CHROME_BROWSER") == ([browser] if listed else [])


async def test_a_browser_in_a_proxys_reserve_is_asked_for(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    await managed.registry.put(managed.keys.claim(browser), encode(Claim("p", "ahead of demand")))
    await member.client.add("parent")
    assert await member.client.update(browser, parent="parent")
    claim = await managed.record(f"claims/{browser}")
    assert claim
    assert (claim["proxy"], claim["kind"]) == ("p", "direct")


async def test_killing_a_browser_asks_its_agent(managed: Managing) -> None:
    member = await managed.member()
    await managed.host()
    browser = await managed.browser()
    assert await member.client.update(browser, kill="TIMEOUT")
    request = await managed.record(f"desired/inst/h/{browser}")
    assert request
    assert (request["kind"], request["by"]) == ("timeout", "instance manager")
    assert not await member.client.update(browser, kill="KILLED")
    assert not await member.client.update(browser, health=True)
    assert await member.client.all("CHROME_BROWSER") == []
