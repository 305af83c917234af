"""``--resolve``: how entries are parsed, and what its resolver returns."""

from __future__ import annotations

import socket

import pytest

from httptrace.cli.failures import Failure
from httptrace.cli.resolving import PinnedResolver, pins_of


def test_entries() -> None:
    """Hosts are lower-cased; several addresses, IPv6 and a leading plus are accepted."""
    pins = pins_of(["Example.org:80:127.0.0.1,[::1]", "+*:443:10.0.0.1"])
    assert pins == {("example.org", 80): ["127.0.0.1", "::1"], ("*", 443): ["10.0.0.1"]}


@pytest.mark.parametrize("entry", ["", "x", "x:80", "x:y:1.2.3.4", "x:0:1.2.3.4", ":80:1.2.3.4"])
def test_bad_entries(entry: str) -> None:
    """A malformed entry is refused as wrong usage."""
    with pytest.raises(Failure) as caught:
        pins_of([entry])
    assert caught.value.code == 2


async def test_families() -> None:
    """Only addresses of the requested family are returned; without any there is no look-up."""
    resolver = PinnedResolver({("x", 80): ["::1", "127.0.0.1"]})
    both = await resolver.resolve("X", 80, socket.AF_UNSPEC)
    assert [one["host"] for one in both] == ["::1", "127.0.0.1"]
    (only,) = await resolver.resolve("x", 80, socket.AF_INET)
    assert only["host"] == "127.0.0.1"
    with pytest.raises(OSError, match="family"):
        await PinnedResolver({("x", 80): ["::1"]}).resolve("x", 80, socket.AF_INET)


async def test_the_rest_is_looked_up() -> None:
    """A host without an entry is looked up as usual."""
    resolver = PinnedResolver({("x", 80): ["127.0.0.9"]})
    found = await resolver.resolve("localhost", 80, socket.AF_INET)
    assert [one["host"] for one in found] == ["127.0.0.1"]
    await resolver.close()


async def test_star_stands_for_the_others() -> None:
    """``*`` matches every host without an entry."""
    resolver = PinnedResolver({("x", 80): ["127.0.0.9"], ("*", 80): ["127.0.0.8"]})
    assert [one["host"] for one in await resolver.resolve("x", 80)] == ["127.0.0.9"]
    assert [one["host"] for one in await resolver.resolve("y", 80)] == ["127.0.0.8"]
