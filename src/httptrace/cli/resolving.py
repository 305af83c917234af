"""``--resolve``: addresses that are used instead of a DNS look-up."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

from ..net.resolver import AbstractResolver, ResolveResult, default_resolver
from .failures import USAGE, Failure

Pins = dict[tuple[str, int], list[str]]


def pins_of(entries: Iterable[str]) -> Pins:
    """The addresses by host and port, from entries as ``host:port:address,address``.

    Raises
    ------
    Failure
        If an entry has another form.
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
        raise Failure(USAGE, "", f"--resolve {entry!r}: {text!r} is not an IP address") from None
    return bare


class PinnedResolver(AbstractResolver):
    """Answers with the pinned addresses in their order, and looks up hosts that have none.

    The addresses of the host ``*`` are used for every host that has none of its own.
    """

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._fallback: AbstractResolver | None = None

    def prepare(self) -> None:
        """Make the resolver of other hosts now, so that its time is not counted as a look-up's."""
        self._fallback = self._fallback or default_resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that are of this family."""
        pinned = self._pins.get((host.lower(), port)) or self._pins.get(("*", port))
        if pinned is None:
            self._fallback = self._fallback or default_resolver()
            return await self._fallback.resolve(host, port, family)
        found = [_result(host, port, address) for address in pinned]
        matching = [one for one in found if family in (socket.AF_UNSPEC, one["family"])]
        if not matching:
            raise OSError(None, "--resolve has no address of this family")
        return matching

    async def close(self) -> None:
        """Close the resolver of other hosts."""
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
