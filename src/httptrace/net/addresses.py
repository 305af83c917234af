"""IP addresses: parsing literals, checking what resolvers return, ordering, formatting."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

from ..errors import InvalidUrlClientError
from .resolver import ResolveResult

_V4, _V6 = socket.AF_INET, socket.AF_INET6
_NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
_FIELDS = "hostname, host, port, family, proto and flags"


class BadResultError(OSError):
    """A resolver returned no addresses, or something that is not an address."""


# --- literals ---------------------------------------------------------------------------------


def ip_literal(host: str, port: int) -> ResolveResult | None:
    """The host as an address, or None if it is a name.

    Raises
    ------
    InvalidUrlClientError
        For a malformed IPv6 address, and for an IPv4 address in another form than dotted decimal
        (``127.1``, ``0x7f000001``, ``2130706433``): such forms evade filters of host names.
    """
    if ":" in host:
        return _v6_literal(host, port)
    try:
        socket.inet_pton(_V4, host)
    except (OSError, ValueError):
        _refuse_other_ipv4_forms(host)
        return None
    return _literal(host, port, _V4)


def _v6_literal(host: str, port: int) -> ResolveResult:
    ip, percent, zone = host.partition("%")
    try:
        socket.inet_pton(_V6, ip)
    except (OSError, ValueError) as exc:
        raise InvalidUrlClientError(host, "is not an IPv6 address") from exc
    if percent and not zone:
        raise InvalidUrlClientError(host, "has an empty IPv6 zone id")
    # URLs encode the percent sign before the zone id (RFC 6874 §2).
    zone = zone.removeprefix("25") or zone
    return _literal(f"{ip}%{zone}" if zone else ip, port, _V6)


def _refuse_other_ipv4_forms(host: str) -> None:
    if host[:1].isdigit():
        try:
            socket.inet_aton(host)
        except (OSError, ValueError):
            return
        raise InvalidUrlClientError(host, "is not a canonical IPv4 address")


def _literal(host: str, port: int, family: int) -> ResolveResult:
    return {
        "hostname": host,
        "host": host,
        "port": port,
        "family": family,
        "proto": socket.IPPROTO_TCP,
        "flags": _NUMERIC,
    }


# --- results of resolvers ---------------------------------------------------------------------


def checked_results(
    results: Any, host: str, resolver: object, *, names: bool = False
) -> list[ResolveResult]:
    """The results without duplicates; `names` allows host names in place of addresses.

    Raises
    ------
    BadResultError
        When there are none, or one is not a valid `ResolveResult`.
    """
    who = type(resolver).__name__
    if isinstance(results, str | bytes | Mapping) or not isinstance(results, Sequence):
        raise BadResultError(None, f"{who} must return a list of addresses, not {results!r}")
    found: dict[tuple[str, int, int], ResolveResult] = {}
    for result in results:
        _check(result, who, names)
        found.setdefault((result["host"], result["port"], result["family"]), result)
    if not found:
        raise BadResultError(None, f"{who} found no addresses")
    return list(found.values())


def with_families(results: Iterable[Any]) -> list[Any]:
    """The results, each with the family that its host has the form of.

    aiohttp's connectors go by the form: what programs return for them may have the family 0.
    """
    return [{**one, "family": _V6 if ":" in one["host"] else _V4} for one in results]


def _check(result: Any, who: str, names: bool) -> None:
    wrong = _what_is_wrong(result, names)
    if wrong:
        raise BadResultError(None, f"{who} returned {result!r}: {wrong}")


def _what_is_wrong(result: Any, names: bool) -> str | None:
    if not isinstance(result, Mapping) or not {"host", "port", "family"} <= result.keys():
        return f"an address must be a dict with {_FIELDS}"
    host, port, family = result["host"], result["port"], result["family"]
    if family not in (_V4, _V6):
        return "its family must be AF_INET or AF_INET6"
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        return "its port must be a number from 0 to 65535"
    if not isinstance(host, str) or not (names or is_ip(host, family)):
        return f"its host must be an {'IPv4' if family == _V4 else 'IPv6'} address"
    proto = result.get("proto", socket.IPPROTO_TCP)
    if isinstance(proto, bool) or not isinstance(proto, int):
        return "its proto must be a protocol number"
    ttl = result.get("ttl", 0)
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not ttl >= 0:
        return "its ttl must be a number of seconds from 0 up"
    return None


def is_ip(host: str, family: int) -> bool:
    """Whether a host is an address of this family."""
    try:
        socket.inet_pton(family, host.partition("%")[0] if family == _V6 else host)
    except (OSError, ValueError):
        return False
    return True


# --- order and format -------------------------------------------------------------------------


def interleaved(results: Sequence[ResolveResult], first: int) -> list[ResolveResult]:
    """`first` addresses of the first family, then the families alternate (RFC 8305 §4)."""
    families: dict[int, list[ResolveResult]] = {}
    for result in results:
        families.setdefault(result["family"], []).append(result)
    if first < 1 or len(families) < 2:
        return list(results)
    preferred, *others = families.values()
    turns = zip_longest(preferred[first - 1 :], *others)
    return preferred[: first - 1] + [one for one in chain.from_iterable(turns) if one is not None]


def format_address(result: ResolveResult) -> str:
    """Address and port as in a URL: ``127.0.0.1:80``, ``[::1]:80``."""
    if result["family"] == _V6:
        return f"[{result['host']}]:{result['port']}"
    return f"{result['host']}:{result['port']}"


def ip_addresses(results: Sequence[ResolveResult]) -> tuple[str, ...]:
    """The addresses without ports."""
    return tuple([result["host"] for result in results])
