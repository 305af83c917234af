"""``--resolve``: addresses that are given, instead of a look-up."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from ..net.resolver import AbstractResolver, ResolveResult, default_resolver
from .failures import USAGE, Failure

Pins = dict[tuple[str, int], list[str]]


def pins_of(entries: Iterable[str]) -> Pins:
    """``host:port:address,address`` as curl writes it, by host and port.

    Raises
    ------
    Failure
        If an entry is not like that.
    """
    pins: Pins = {}
    for entry in entries:
        host, port, addresses = _parts(entry)
        if not (host and addresses and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            raise Failure(USAGE, "", f"--resolve {entry!r} is not HOST:PORT:ADDRESS[,ADDRESS]")
        pins[host.lower(), int(port)] = [_address(one, entry) for one in addresses.split(",")]
    return pins


def _parts(entry: str) -> tuple[str, str, str]:
    host, _, rest = entry.lstrip("+").partition(":")
    port, _, addresses = rest.partition(":")
    return host, port, addresses


def _address(text: str, entry: str) -> str:
    bare = text.strip().strip("[]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise Failure(USAGE, "", f"--resolve {entry!r}: {text!r} is no IP address") from None
    return bare


class PinnedResolver(AbstractResolver):
    """Gives the pinned addresses, in the order in which they were given; looks up the rest.

    The host ``*`` stands for all that are not pinned themselves.
    """

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._fallback: AbstractResolver | None = None

    def prepare(self) -> None:
        """Make the resolver for the rest: a look-up should not seem to take the time for that."""
        self._fallback = self._fallback or default_resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that suit the family."""
        pinned = self._pins.get((host.lower(), port)) or self._pins.get(("*", port))
        if pinned is None:
            self._fallback = self._fallback or default_resolver()
            return await self._fallback.resolve(host, port, family)
        found = [_result(host, port, address) for address in pinned]
        suiting = [one for one in found if family in (socket.AF_UNSPEC, one["family"])]
        if not suiting:
            raise OSError(None, "--resolve gives no address of the wanted family")
        return suiting

    async def close(self) -> None:
        """Let go of the resolver for the rest."""
        if self._fallback is not None:
            await self._fallback.close()


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": family,
        "proto": socket.IPPROTO_TCP,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }
