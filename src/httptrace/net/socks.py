"""SOCKS 4, 4a and 5 as generators without I/O.

SOCKS5 is RFC 1928, its authentication by user name and password RFC 1929. SOCKS4 and 4a are
described by their authors' documents only. A generator yields ``(bytes to send, number of bytes to
read)``, receives exactly the bytes that were read, and returns the proxy's reply code.
"""

from __future__ import annotations

import socket
from collections.abc import Generator
from typing import NamedTuple

Negotiation = Generator[tuple[bytes, int], bytes, int]

SCHEMES = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
_PROXY_RESOLVES = frozenset({"socks4a", "socks5h"})
_NO_AUTH, _PASSWORD, _NONE_ACCEPTABLE = 0, 2, 0xFF
_IPV4, _NAME, _IPV6 = 1, 3, 4
_GRANTED_4 = 90

_REPLIES_4 = {
    91: "it rejected the connection, or it failed",
    92: "it cannot reach identd on this machine",
    93: "identd reports another user",
}
_REPLIES_5 = {
    1: "general failure",
    2: "its rules do not allow the connection",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "it does not know the command",
    8: "it does not know the type of address",
}

_UNREACHABLE = frozenset({91, 1, 3, 4, 5, 8})


class SocksError(OSError):
    """The proxy opened no connection; `status` is its reply code, if it sent one."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(None, text)
        self.status = status

    def __str__(self) -> str:
        return str(self.strerror)


class UnreachableError(SocksError):
    """The proxy cannot reach this address; it may reach another one of the host."""


class Destination(NamedTuple):
    """The host and port to ask the proxy for; the host is a name or an IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        """The authority, in the form that CONNECT uses.

        It has no IPv6 zone id, which has a meaning on this machine only (RFC 6874 §4).
        """
        host = self.host.partition("%")[0]
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


class Login(NamedTuple):
    """User name and password. SOCKS4 sends the user name only."""

    user: bytes
    password: bytes

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, password='***')"


def proxy_resolves(scheme: str) -> bool:
    """Whether the proxy resolves names, and not this machine."""
    return scheme in _PROXY_RESOLVES


def negotiate(scheme: str, to: Destination, login: Login | None) -> Negotiation:
    """Ask the proxy for a connection.

    Raises
    ------
    SocksError
        When the proxy refuses or does not speak SOCKS.
    """
    if scheme in ("socks4", "socks4a"):
        return _socks4(to, login)
    return _socks5(to, login)


# --- version 4 ------------------------------------------------------------------------------------


def _socks4(to: Destination, login: Login | None) -> Negotiation:
    family, packed = _packed(to.host)
    if family == _IPV6:
        raise SocksError(f"SOCKS4 cannot reach the IPv6 address {to.host}")
    name = b""
    if family == _NAME:
        packed, name = b"\x00\x00\x00\x01", packed + b"\x00"
    user = login.user if login is not None else b""
    request = b"\x04\x01" + to.port.to_bytes(2, "big") + packed + user + b"\x00" + name
    answer = yield request, 8
    if answer[0] != 0:
        raise _not_socks(4, answer)
    if answer[1] != _GRANTED_4:
        raise _refused(4, to, answer[1], _REPLIES_4)
    return answer[1]


# --- version 5 ------------------------------------------------------------------------------------


def _socks5(to: Destination, login: Login | None) -> Negotiation:
    offered = bytes([_NO_AUTH] if login is None else [_NO_AUTH, _PASSWORD])
    answer = yield bytes([5, len(offered)]) + offered, 2
    if answer[0] != 5:
        raise _not_socks(5, answer)
    yield from _authenticate(answer[1], offered, login)
    family, packed = _packed(to.host)
    if family == _NAME:
        packed = bytes([len(packed)]) + packed
    port = to.port.to_bytes(2, "big")
    answer = yield b"\x05\x01\x00" + bytes([family]) + packed + port, 4
    if answer[0] != 5:
        raise _not_socks(5, answer)
    if answer[1] != 0:
        raise _refused(5, to, answer[1], _REPLIES_5)
    yield from _skip_address(answer)
    return answer[1]


def _authenticate(
    method: int, offered: bytes, login: Login | None
) -> Generator[tuple[bytes, int], bytes, None]:
    if method == _NONE_ACCEPTABLE:
        wants = "user name and password" if login is None else "something other than a password"
        raise SocksError(f"SOCKS5 authentication failed: the proxy wants {wants}")
    if method not in offered:
        raise SocksError(f"SOCKS5 authentication failed: it chose method {method}, not offered")
    if method == _NO_AUTH or login is None:
        return
    user, password = login
    request = bytes([1, len(user)]) + user + bytes([len(password)]) + password
    answer = yield request, 2
    if answer[1] != 0:
        raise SocksError("SOCKS5 authentication failed: user name or password is wrong", answer[1])


def _skip_address(answer: bytes) -> Generator[tuple[bytes, int], bytes, None]:
    """Read and ignore the address that the proxy connects from."""
    sizes = {_IPV4: 4, _IPV6: 16}
    size = sizes.get(answer[3])
    if size is None and answer[3] != _NAME:
        raise _not_socks(5, answer)
    if size is None:
        size = (yield b"", 1)[0]
    yield b"", size + 2


# --- both -----------------------------------------------------------------------------------------


def _packed(host: str) -> tuple[int, bytes]:
    """The address type (RFC 1928 §5) and the address as bytes."""
    for family, kind in ((socket.AF_INET, _IPV4), (socket.AF_INET6, _IPV6)):
        try:
            return kind, socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
    name = host.encode("idna") if not host.isascii() else host.encode("ascii")
    if not 0 < len(name) < 256 or b"\x00" in name:
        raise SocksError(f"the host name {host!r} cannot be sent to a SOCKS proxy")
    return _NAME, name


def _refused(version: int, to: Destination, code: int, replies: dict[int, str]) -> SocksError:
    why = replies.get(code, "unknown reply")
    kind = UnreachableError if code in _UNREACHABLE else SocksError
    return kind(f"SOCKS{version} connection to {to} failed: {why} (reply {code})", code)


def _not_socks(version: int, answer: bytes) -> SocksError:
    return SocksError(f"it does not speak SOCKS{version}: it answered {answer!r}")
