"""What the command says of why requests took long."""

from __future__ import annotations

import pytest

from httptrace.demo.servers import BundledServers

from .running import httptrace

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])


async def test_a_line_under_the_waterfall(servers: BundledServers) -> None:
    """The first finding is a line under the waterfall, without any option."""
    ran = await httptrace(f"{servers.http}/slow-start/0.3")
    (line,) = [line for line in ran.out.splitlines() if line.startswith("  why ")]
    assert "  server_slow: the server took about " in line
    assert line.endswith("…")
    assert len(line) == 80


async def test_one_request(servers: BundledServers) -> None:
    """``--why`` explains at length: what was lost, what was seen, and what to do."""
    ran = await httptrace("--why", f"{servers.http}/slow-start/0.3")
    assert (ran.code, ran.err) == (0, "")
    told = ran.out.partition("The request took ")[2].splitlines()
    assert told[0].endswith(" ms. Why:")
    host = servers.http.removeprefix("http://")
    at = next(at for at, line in enumerate(told) if line.startswith("server_slow: "))
    assert told[at].endswith(f" ms, to {host}")
    assert told[at + 1].startswith("  The server took about ")
    assert told[at + 1].endswith(" ms; it says: think 300 ms.")
    assert told[at + 2].startswith("  → Look at the server; ")


async def test_nothing_stands_out(servers: BundledServers) -> None:
    """A request that did not get as far as a hop is not explained, and that is said."""
    ran = await httptrace("--why", "http://")
    assert ran.code == 3
    assert ran.out == "No request has ended.\n"


async def test_several_requests(servers: BundledServers) -> None:
    """Of several requests the same finding is told once, with the number of requests."""
    ran = await httptrace("--why", "--repeat", "3", f"{servers.http}/slow-start/0.1")
    assert ran.out.count("→ 200 OK") == 3
    told = ran.out.partition("\n3 requests took ")[2]
    assert " together. Why:\n" in told
    assert told.count("\nserver_slow: ") == 1
    assert " ms in 3 of 3 requests, to " in told
    assert "\n  At worst: the server took about " in told


async def test_redirects(servers: BundledServers) -> None:
    """The way of a redirect is told, without what is in the query."""
    ran = await httptrace("--why", "-L", f"{servers.http}/redirect/2?token=s3cret")
    assert ran.code == 0
    assert "s3cret" not in ran.out


async def test_body_on_standard_output(servers: BundledServers) -> None:
    """With ``-o -`` the explanation is on standard error, as the waterfall is."""
    ran = await httptrace("--why", "-o", "-", f"{servers.http}/slow-start/0.1")
    assert ran.out == "Every moment of every request can be seen.\n"
    assert "server_slow: " in ran.err.partition("The request took ")[2]


async def test_json(servers: BundledServers) -> None:
    """The JSON of a request has the findings; ``--why`` beside it is refused."""
    ran = await httptrace("--json-timeline", f"{servers.http}/slow-start/0.3")
    found = {one["code"]: one for one in ran.lines[0]["timeline"]["why"]}
    assert found["server_slow"]["seconds"] > 0.25
    assert found["server_slow"]["hosts"] == [servers.http.removeprefix("http://")]
    refused = await httptrace("--json-timeline", "--why", f"{servers.http}/hello")
    assert refused.code == 2
    assert "--json-timeline has the findings of --why: leave --why out" in refused.err
