"""Storage of cookies, and the choice of those for a request (RFC 6265, sections 5.1, 5.3, 5.4).

Without I/O and without a clock: the caller passes the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import NamedTuple

__all__ = [
    "Cookie",
    "CookieStore",
    "Limits",
    "default_path",
    "domain_match",
    "is_ip_address",
    "path_match",
]


class Limits(NamedTuple):
    """The largest number of stored cookies, in total and for one domain."""

    total: int
    per_domain: int


class Cookie:
    """A stored cookie.

    `domain` is empty if the cookie is sent to every host: the caller gave it without a URL.
    `expires_at` is in seconds since 1970, or None for a session cookie. `pair` is the text in the
    Cookie header. `created` and `used` are counters that give an order, not times.
    """

    __slots__ = (
        "coded",
        "created",
        "domain",
        "expires_at",
        "host_only",
        "httponly",
        "max_age",
        "name",
        "pair",
        "path",
        "samesite",
        "secure",
        "used",
        "value",
    )

    def __init__(
        self,
        name: str,
        value: str,
        coded: str,
        *,
        domain: str = "",
        path: str = "/",
        host_only: bool = False,
        secure: bool = False,
        httponly: bool = False,
        samesite: str = "",
        max_age: str = "",
        expires_at: float | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.coded = coded
        self.pair = f"{name}={coded}"
        self.domain = domain
        self.path = path
        self.host_only = host_only
        self.secure = secure
        self.httponly = httponly
        self.samesite = samesite
        self.max_age = max_age
        self.expires_at = expires_at
        self.created = 0
        self.used = 0

    def __repr__(self) -> str:
        return f"<Cookie {self.name} of {self.domain or 'every host'}{self.path}>"


@lru_cache(maxsize=1024)
def is_ip_address(host: str) -> bool:
    """Whether the host is an IPv6 address or ends in a number (WHATWG URL, section 3.5).

    So ``127.1`` and ``0x7f000001`` are addresses too.
    """
    if ":" in host:
        return True
    last = host.rstrip(".").rpartition(".")[2]
    return last.isdecimal() or last[:2].lower() == "0x"


def domain_match(domain: str, host: str) -> bool:
    """Whether the host equals the domain or is a name below it (section 5.1.3)."""
    if host == domain:
        return True
    return host.endswith(domain) and host[-len(domain) - 1] == "." and not is_ip_address(host)


def path_match(cookie_path: str, path: str) -> bool:
    """Whether a cookie with this path is sent for a request path (section 5.1.4)."""
    if cookie_path in ("/", path):
        return True
    if not path.startswith(cookie_path):
        return False
    return cookie_path[-1] == "/" or path[len(cookie_path)] == "/"


def default_path(path: str) -> str:
    """The path of a cookie without a Path attribute: the directory of the request (5.1.4)."""
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


_LONGEST_NAME = 253
"""The longest name that DNS allows (RFC 1035, section 2.3.4)."""


@lru_cache(maxsize=1024)
def _domains_of(host: str) -> tuple[str, ...]:
    """The domains whose cookies a host gets: itself, those above it, and "" for every host."""
    if not host or is_ip_address(host):
        return (host, "") if host else ("",)
    if len(host) > _LONGEST_NAME:  # bounds the work: a name this long cannot exist
        return host, ""
    labels = host.split(".")
    return (*(".".join(labels[at:]) for at in range(len(labels))), "")


def _eviction_order(cookie: Cookie) -> tuple[bool, int]:
    """Sorts cookies for eviction: first those without Secure, then the least recently sent."""
    return cookie.secure, cookie.used


class CookieStore:
    """Cookies by domain, then by path and name.

    The cost of a request depends on the cookies of its host and of the domains above it, not on
    the total number. If a limit is exceeded, the least recently sent cookie is evicted (section
    5.3). Cookies for every host are never evicted: the caller gave them.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buckets: dict[str, dict[tuple[str, str], Cookie]] = {}
        self._count = 0
        self._clock = 0  # counts up with each creation and use
        self._expiring: list[tuple[float, int, Cookie]] = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Cookie]:
        for bucket in tuple(self._buckets.values()):
            yield from tuple(bucket.values())

    def add(self, cookie: Cookie) -> None:
        """Store the cookie. It replaces one with the same domain, path and name."""
        self._clock += 1
        bucket = self._buckets.setdefault(cookie.domain, {})
        key = cookie.path, cookie.name
        old = bucket.get(key)
        cookie.used = self._clock
        cookie.created = self._clock if old is None else old.created
        bucket[key] = cookie
        if cookie.expires_at is not None:
            heappush(self._expiring, (cookie.expires_at, self._clock, cookie))
            self._compact()
        if old is None:
            self._count += 1
            self._evict(cookie.domain, bucket)

    def remove(self, domain: str, path: str, name: str) -> None:
        """Remove this cookie, if it is stored."""
        bucket = self._buckets.get(domain, {})
        if bucket.pop((path, name), None) is not None:
            self._count -= 1
            if not bucket:
                del self._buckets[domain]

    def clear(self, predicate: Callable[[Cookie], bool] | None = None) -> None:
        """Remove the cookies for which the predicate is true, or all."""
        for cookie in tuple(self):
            if predicate is None or predicate(cookie):
                self.remove(cookie.domain, cookie.path, cookie.name)
        self._compact()

    def expire(self, now: float) -> None:
        """Remove the expired cookies. Takes constant time if there are none."""
        while self._expiring and self._expiring[0][0] <= now:
            cookie = heappop(self._expiring)[2]
            if self._holds(cookie):
                self.remove(cookie.domain, cookie.path, cookie.name)

    def matching(self, host: str, path: str, secure: bool) -> list[Cookie]:
        """The cookies for a request, in the order of section 5.4: by path length, then age."""
        self._clock += 1
        clock = self._clock
        found: list[Cookie] = []
        for domain in _domains_of(host):
            for cookie in self._buckets.get(domain, {}).values():
                if (cookie.secure and not secure) or (cookie.host_only and domain != host):
                    continue
                if cookie.path == "/" or path_match(cookie.path, path):
                    cookie.used = clock
                    found.append(cookie)
        if len(found) > 1:
            found.sort(key=_sending_order)
        return found

    def shadows_secure(self, cookie: Cookie) -> bool:
        """Whether a cookie from an insecure origin would hide a secure one (6265bis, 5.7)."""
        return any(
            old.secure and old.name == cookie.name and path_match(old.path, cookie.path)
            for domain, bucket in self._buckets.items()
            if domain
            and (domain_match(domain, cookie.domain) or domain_match(cookie.domain, domain))
            for old in bucket.values()
        )

    def _holds(self, cookie: Cookie) -> bool:
        return self._buckets.get(cookie.domain, {}).get((cookie.path, cookie.name)) is cookie

    def _evict(self, domain: str, bucket: dict[tuple[str, str], Cookie]) -> None:
        if domain and len(bucket) > self._limits.per_domain:
            oldest = min(bucket.values(), key=_eviction_order)
        elif self._count > self._limits.total and any(self._buckets):
            oldest = min((cookie for cookie in self if cookie.domain), key=_eviction_order)
        else:
            return
        self.remove(oldest.domain, oldest.path, oldest.name)

    def _compact(self) -> None:
        """Remove replaced cookies from the heap, which would grow without bound otherwise."""
        if len(self._expiring) > 2 * self._count + 64:
            self._expiring = [entry for entry in self._expiring if self._holds(entry[2])]
            heapify(self._expiring)


def _sending_order(cookie: Cookie) -> tuple[int, int]:
    return -len(cookie.path), cookie.created
