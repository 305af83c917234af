"""Findings about DNS, addresses, proxies, TLS and the distance."""

from __future__ import annotations

import pytest

from httptrace.trace.record import AddressTry, ClosedBefore, DnsFacts, TlsFacts

from ..built import AGAIN, MS, TLS, Attempt, kernel
from .finding import found

SLOW_DNS = {"queue": 1, "dns": 80, "connect": 5, "send": 0, "wait": 5}
TRIED = "had not answered when another one did"


def test_dns_slow() -> None:
    """A look-up took long; it is told whether another request had begun it."""
    alone = Attempt(SLOW_DNS, dns=DnsFacts("example.org", "look-up", None))
    assert found(alone)["dns_slow"].seconds == 0.08
    assert found(alone)["dns_slow"].evidence == "the look-up of example.org took 80 ms"
    shared = Attempt(SLOW_DNS, dns=DnsFacts("example.org", "shared look-up", None))
    assert "which another request had begun" in found(shared)["dns_slow"].evidence


def test_dns_slow_nearly() -> None:
    """A look-up of 20 ms is not slow, and the cache needs none."""
    dns = DnsFacts("example.org", "look-up", None)
    assert "dns_slow" not in found(Attempt(SLOW_DNS | {"dns": 20}, dns=dns))
    cached = DnsFacts("example.org", "cache", 1.0)
    assert "dns_slow" not in found(Attempt(SLOW_DNS, dns=cached))


def test_dns_not_cached() -> None:
    """A host was looked up again soon: that says more than that it took long."""
    again = Attempt(SLOW_DNS, dns=DnsFacts("example.org", "look-up", 12.0))
    findings = found(again)
    assert findings["dns_not_cached"].seconds == 0.08
    assert "looked up again, 12.0 s after" in findings["dns_not_cached"].evidence
    assert "ttl_dns_cache" in findings["dns_not_cached"].advice
    assert "dns_slow" not in findings


@pytest.mark.parametrize("age", [None, 301.0])
def test_dns_not_cached_nearly(age: float | None) -> None:
    """The first look-up, and one after a long time, could not be spared."""
    findings = found(Attempt(SLOW_DNS, dns=DnsFacts("example.org", "look-up", age)))
    assert "dns_not_cached" not in findings
    assert "dns_slow" in findings


def connected(*tries: AddressTry) -> Attempt:
    """A request whose connection took these tries; they begin at 2 ms."""
    return Attempt({"queue": 1, "connect": 300, "wait": 5}, addresses_tried=tries)


def test_dead_address() -> None:
    """An address did not answer: what is lost is the time until the one that did was tried."""
    one = found(
        connected(
            AddressTry("[2001:db8::1]:443", 2 * MS, 262 * MS, TRIED),
            AddressTry("192.0.2.1:443", 252 * MS, 262 * MS, None),
        )
    )["dead_address"]
    assert one.seconds == 0.25
    assert one.evidence == f"[2001:db8::1]:443 {TRIED}"
    assert "family=socket.AF_INET" in one.advice


def test_dead_addresses_of_the_same_family() -> None:
    """Of many addresses three are named; leaving out a family would not help."""
    dead = [AddressTry(f"192.0.2.{n}:80", n * 50 * MS, 290 * MS, TRIED) for n in range(1, 6)]
    one = found(connected(*dead, AddressTry("192.0.2.9:80", 290 * MS, 300 * MS, None)))
    assert one["dead_address"].seconds == 0.24
    assert one["dead_address"].evidence.endswith(f"192.0.2.3:80 {TRIED}, and 2 more")
    assert "DNS entry" in one["dead_address"].advice


def test_all_addresses_dead() -> None:
    """No address answered: the whole time is lost, and the advice is another one."""
    tries = (AddressTry("192.0.2.1:80", 2 * MS, 302 * MS, "had not answered"),)
    failed = Attempt({"queue": 1, "connect": 300}, connection=None, status=0)
    failed.addresses_tried = tries
    one = found(failed)["dead_address"]
    assert one.seconds == 0.3
    assert "firewall" in one.advice


def test_dead_address_nearly() -> None:
    """An address that was tried because the first one was slow, and lost, cost nothing."""
    tries = (
        AddressTry("192.0.2.1:443", 2 * MS, 280 * MS, None),
        AddressTry("192.0.2.2:443", 252 * MS, 280 * MS, TRIED),
    )
    assert "dead_address" not in found(connected(*tries))


def tunnelled(tunnel_ms: float, proxy: str = "http://proxy.example:3128", rtt: int = MS) -> Attempt:
    """A request through a proxy: its socket, the tunnel, TLS with the server."""
    return Attempt(
        [("queue", 1), ("connect", 5), ("queue", 1), ("connect", tunnel_ms), ("tls", 9)],
        proxy=proxy,
        tls=TLS,
        kernel=kernel(min_rtt_ns=rtt),
    )


def test_proxy_slow() -> None:
    """The tunnel took much longer than a round trip to the proxy."""
    one = found(tunnelled(90))["proxy_slow"]
    assert one.seconds == 0.089
    assert one.evidence == (
        "the tunnel through the proxy proxy.example took 90 ms, a round trip to it 1.0 ms"
    )


def test_proxy_slow_nearly() -> None:
    """A proxy that is far away is not slow, and without a tunnel its time cannot be known."""
    assert "proxy_slow" not in found(tunnelled(100, rtt=80 * MS))
    assert "proxy_slow" not in found(tunnelled(100, "socks5://proxy.example", rtt=45 * MS))
    assert "proxy_slow" in found(tunnelled(100, rtt=45 * MS))
    plain = Attempt({"connect": 90, "wait": 5}, proxy="http://proxy.example:3128")
    assert "proxy_slow" not in found(plain)


def test_tls_slow() -> None:
    """A handshake took much longer than its round trips; less than 100 ms may be our own."""
    phases = {"queue": 1, "connect": 30, "tls": 330, "wait": 30}
    slow = Attempt(phases, tls=TLS, kernel=kernel(min_rtt_ns=30 * MS))
    assert found(slow)["tls_slow"].seconds == 0.3
    usual = Attempt(phases | {"tls": 129}, tls=TLS, kernel=kernel(min_rtt_ns=30 * MS))
    assert "tls_slow" not in found(usual)


def test_tls_slow_behind_a_proxy() -> None:
    """The round trip to the proxy says nothing of the handshake with the server."""
    behind = Attempt({"connect": 5, "tls": 330}, tls=TLS, proxy="http://proxy.example")
    behind.kernel = kernel(min_rtt_ns=MS)
    assert "tls_slow" not in found(behind)


FAR = {"queue": 1, "connect": 180, "tls": 190, "send": 1, "wait": 200, "receive": 1}


@pytest.mark.parametrize(
    ("tls", "trips"),
    [
        (TLS, "3 round trips"),
        (TlsFacts("TLSv1.2", "any", None, False, None, None), "4 round trips"),
        (TlsFacts("TLSv1.2", "any", None, True, None, None), "3 round trips"),
    ],
)
def test_far_server(tls: TlsFacts, trips: str) -> None:
    """The round trips of a new connection, its handshake and the request are counted."""
    one = found(Attempt(FAR, tls=tls, kernel=kernel(min_rtt_ns=180 * MS)))["far_server"]
    assert one.seconds == int(trips[0]) * 0.18
    assert one.evidence == (
        f"a round trip to the server takes 180 ms; {trips} came before the first byte"
    )


def test_far_server_on_an_open_connection() -> None:
    """A request on an open connection takes one round trip; what was closed is to blame itself."""
    reused = Attempt(AGAIN | {"wait": 190}, kernel=kernel(min_rtt_ns=180 * MS), served_before=1)
    assert found(reused)["far_server"].seconds == 0.18
    assert "1 round trip came" in found(reused)["far_server"].evidence
    replaced = Attempt(FAR, tls=TLS, kernel=kernel(min_rtt_ns=180 * MS))
    replaced.closed_before = ClosedBefore("server close")
    assert found(replaced)["far_server"].seconds == 0.18


def test_far_proxy() -> None:
    """With a proxy the kernel measures the way to the proxy, and the finding says so."""
    behind = Attempt(FAR, tls=TLS, kernel=kernel(min_rtt_ns=180 * MS), proxy="http://proxy.example")
    one = found(behind)["far_server"]
    assert "to the proxy proxy.example takes 180 ms; 4 round trips" in one.evidence
    assert "a proxy that is nearer" in one.advice


def test_far_server_nearly() -> None:
    """A round trip of 20 ms is not far, and what the kernel does not tell is not guessed."""
    assert "far_server" not in found(Attempt(FAR, tls=TLS, kernel=kernel(min_rtt_ns=20 * MS)))
    assert "far_server" not in found(Attempt(FAR, tls=TLS))
