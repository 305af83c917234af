"""`ClientTimeout`: time limits for the phases of a request."""

from __future__ import annotations

from math import inf
from typing import Any

__all__ = ["DEFAULT_TIMEOUT", "ClientTimeout"]

_AIOHTTP_FIELDS = ("total", "connect", "sock_read", "sock_connect", "ceil_threshold")
_PHASE_FIELDS = ("pool", "dns", "tls", "response_headers")
_FIELDS = (*_AIOHTTP_FIELDS, *_PHASE_FIELDS)


class AttrsFields:
    """Makes ``attr.evolve`` and ``attr.asdict`` work, as they do with aiohttp's timeouts.

    Only those functions read the attribute, so attrs has been imported by then.
    """

    def __init__(self, name: str, fields: tuple[str, ...]) -> None:
        self._name = name
        self._fields = fields

    def __get__(self, instance: object, owner: type) -> Any:
        import attr

        return attr.make_class(self._name, list(self._fields)).__attrs_attrs__  # type: ignore[attr-defined]


class ClientTimeout:
    """Time limits in seconds (aiohttp's documentation, "Timeouts").

    ``None``, ``0`` and infinity mean no limit. Objects are immutable; they can be compared, hashed
    and pickled. `replace` makes a changed copy.

    :param total: the whole call, including redirects, retries and reading the body.
    :param connect: getting a connection: waiting for the pool, DNS, connecting and TLS.
    :param sock_read: the longest time without any bytes from the server while the response is
        awaited or read, or without any bytes accepted by the server while the body is sent.
    :param sock_connect: connecting to the peer; does not apply to a reused connection.
    :param ceil_threshold: accepted as in aiohttp, but without effect: limits are exact.
    :param pool: waiting for the pool's limits.
    :param dns: resolving the host name.
    :param tls: the TLS handshake of a new connection.
    :param response_headers: from the last byte of the request to the end of the final response's
        head.
    :raises TypeError: a limit is not a number.
    :raises ValueError: a limit is negative or not a number (NaN).
    """

    __slots__ = _FIELDS

    total: float | None
    connect: float | None
    sock_read: float | None
    sock_connect: float | None
    ceil_threshold: float
    pool: float | None
    dns: float | None
    tls: float | None
    response_headers: float | None

    __attrs_attrs__ = AttrsFields("ClientTimeout", _FIELDS)

    def __init__(
        self,
        total: float | None = None,
        connect: float | None = None,
        sock_read: float | None = None,
        sock_connect: float | None = None,
        ceil_threshold: float = 5,
        *,
        pool: float | None = None,
        dns: float | None = None,
        tls: float | None = None,
        response_headers: float | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "total", _limit("total", total))
        put(self, "connect", _limit("connect", connect))
        put(self, "sock_read", _limit("sock_read", sock_read))
        put(self, "sock_connect", _limit("sock_connect", sock_connect))
        put(self, "ceil_threshold", _seconds("ceil_threshold", ceil_threshold))
        put(self, "pool", _limit("pool", pool))
        put(self, "dns", _limit("dns", dns))
        put(self, "tls", _limit("tls", tls))
        put(self, "response_headers", _limit("response_headers", response_headers))

    def replace(self, **changes: Any) -> ClientTimeout:
        """A copy with other values for the given limits."""
        return type(self)(**{**self._values(), **changes})

    __replace__ = replace  # copy.replace() of Python 3.13

    def _values(self) -> dict[str, float | None]:
        return {name: getattr(self, name) for name in _FIELDS}

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"ClientTimeout cannot be changed: use replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"ClientTimeout cannot be changed: use replace({name}=None)")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClientTimeout):
            return NotImplemented
        return self is other or self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self._values())

    def __repr__(self) -> str:
        ours = [name for name in _PHASE_FIELDS if getattr(self, name) is not None]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in (*_AIOHTTP_FIELDS, *ours))
        return f"{type(self).__name__}({shown})"


def _restore(cls: type[ClientTimeout], values: dict[str, Any]) -> ClientTimeout:
    return cls(**values)


def _limit(name: str, value: float | None) -> float | None:
    if value is None or _seconds(name, value) == inf:
        return None
    return value


def _seconds(name: str, value: float) -> float:
    """Check the value. Python's bool is a number, but here it can only be a mistake."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"ClientTimeout.{name} must be a number of seconds, not {value!r}")
    if not value >= 0:  # false for NaN too
        raise ValueError(f"ClientTimeout.{name} must not be negative or NaN, but is {value!r}")
    return value


DEFAULT_TIMEOUT = ClientTimeout(total=300, sock_connect=30)
"""The timeouts of a session that is given none; the same as aiohttp's."""
