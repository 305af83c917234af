"""The cookie jars, with aiohttp's names (aiohttp's documentation, "CookieJar").

Cookies are kept and sent by RFC 6265 and, where browsers have gone on, by 6265bis.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from yarl import URL

from .parsing import SetCookie, parse_cookie_header, parse_set_cookie
from .policy import CookiePolicy, canonical_domain, secure_origins
from .store import Cookie, CookieStore, Limits, domain_match

if TYPE_CHECKING:
    import asyncio
    import os
    from http.cookies import BaseCookie, Morsel, SimpleCookie

__all__ = ["AbstractCookieJar", "CookieJar", "DummyCookieJar", "LooseCookies", "request_cookies"]

LooseCookies: TypeAlias = Union[
    "Mapping[str, str | BaseCookie[str] | Morsel[Any]]",
    "Iterable[tuple[str, str | BaseCookie[str] | Morsel[Any]]]",
    "BaseCookie[str]",
]
"""Cookies as a user may give them: a mapping or pairs of names and values, or a SimpleCookie."""

_NO_URL = URL()


def _wall_clock() -> float:
    """Looked up each time, so that a test can set the time by replacing `time.time`."""
    return time.time()


class AbstractCookieJar(Sized, Iterable["Morsel[str]"], ABC):
    """What a session needs of a cookie jar: derive from it for a jar of your own."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """`loop` is there for aiohttp's signature and is not used."""

    @property
    @abstractmethod
    def cookies(self) -> Mapping[tuple[str, str], SimpleCookie]:
        """All cookies by domain and path. Read-only."""

    @property
    @abstractmethod
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """Domain, path and name of those that go to the host alone which set them."""

    @property
    @abstractmethod
    def unsafe(self) -> bool:
        """Whether hosts that are IP addresses may set cookies."""

    @property
    @abstractmethod
    def quote_cookie(self) -> bool:
        """Whether values with special characters are sent in quotes."""

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        """Origins that are trusted with secure cookies though they are not https."""
        return frozenset()

    @abstractmethod
    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        """Forget all cookies, or those of whom the predicate is true."""

    @abstractmethod
    def clear_domain(self, domain: str) -> None:
        """Forget the cookies of this domain and of all below it."""

    @abstractmethod
    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Take cookies as if `response_url` had set them; without one they go to every host."""

    @abstractmethod
    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """The cookies for a request to this URL."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of a response's Set-Cookie headers."""
        if headers:
            from .morsels import received_pairs

            self.update_cookies(received_pairs(headers), response_url)

    def cookie_header(self, request_url: URL) -> str:
        """Internal: the value of a request's Cookie header; empty when there is none."""
        cookies = self.filter_cookies(request_url).values()
        return "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in cookies)


class CookieJar(AbstractCookieJar):
    """Keeps the cookies that servers set, and gives each request those that belong to it.

    :param unsafe: let hosts that are IP addresses set cookies.
    :param quote_cookie: send values with special characters in quotes. A value that a server set
        goes back exactly as it came. With ``False`` no value is sent in quotes.
    :param treat_as_secure_origin: origins, as URLs, that may set and get secure cookies though
        they are not https.
    :param loop: there for aiohttp's signature, not used.
    :param max_cookies: how many are kept in all.
    :param max_cookies_per_domain: how many are kept for one domain. Where there would be more, the
        one goes that was not sent for the longest time (RFC 6265, sections 5.3 and 6.1).
    :param max_cookie_size: a cookie whose name and value are longer together (bytes) is ignored.
    :param is_public_suffix: tells of a domain whether many parties register names below it, such
        as ``co.uk``: no cookie is taken for it. Names of one label count as such in any case.
    :param clock: seconds since 1970, by which cookies expire.
    :raises ValueError: a limit is not positive, or an origin is no absolute URL.
    """

    def __init__(
        self,
        *,
        unsafe: bool = False,
        quote_cookie: bool = True,
        treat_as_secure_origin: str | URL | Iterable[str | URL] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        max_cookies: int = 3000,
        max_cookies_per_domain: int = 180,
        max_cookie_size: int = 4096,
        is_public_suffix: Callable[[str], bool] | None = None,
        clock: Callable[[], float] = _wall_clock,
    ) -> None:
        super().__init__(loop=loop)
        for limit in (max_cookies, max_cookies_per_domain, max_cookie_size):
            if isinstance(limit, bool) or not isinstance(limit, int):
                raise TypeError(f"The limits of a cookie jar must be whole numbers, not {limit!r}")
            if limit < 1:
                raise ValueError("The limits of a cookie jar must be positive")
        self._policy = CookiePolicy(
            unsafe=unsafe,
            quote=quote_cookie,
            secure_origins=secure_origins(treat_as_secure_origin),
            max_size=max_cookie_size,
            is_public_suffix=is_public_suffix,
        )
        self._now = clock
        self._limits = Limits(max_cookies, max_cookies_per_domain)
        self._store = CookieStore(self._limits)

    def __len__(self) -> int:
        if not self._store:
            return 0
        self._store.expire(self._now())
        return len(self._store)

    def __iter__(self) -> Iterator[Morsel[str]]:
        from .morsels import full_morsel

        self._store.expire(self._now())
        return map(full_morsel, self._store)

    @property
    def cookies(self) -> Mapping[tuple[str, str], SimpleCookie]:
        from .morsels import by_domain_and_path

        self._store.expire(self._now())
        return by_domain_and_path(self._store)

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        self._store.expire(self._now())
        return frozenset((c.domain, c.path, c.name) for c in self._store if c.host_only)

    @property
    def unsafe(self) -> bool:
        return self._policy.unsafe

    @property
    def quote_cookie(self) -> bool:
        return self._policy.quote

    @property
    def treat_as_secure_origin(self) -> frozenset[URL]:
        return self._policy.secure_origins

    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        if predicate is None:
            self._store.clear()
            return
        from .morsels import full_morsel

        self._store.expire(self._now())
        self._store.clear(lambda cookie: predicate(full_morsel(cookie)))

    def clear_domain(self, domain: str) -> None:
        domain = canonical_domain(domain)
        self._store.clear(lambda c: bool(c.domain) and domain_match(domain, c.domain))

    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Take cookies as if `response_url` had set them; without one they go to every host.

        :raises ValueError: a name or value cannot stand in a header.
        :raises TypeError: a name is no string, or a value is None.
        """
        from .morsels import given_cookies

        self._take(list(given_cookies(cookies)), response_url)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Take the cookies of Set-Cookie headers; what a browser would ignore is ignored."""
        if type(self).update_cookies is not CookieJar.update_cookies:  # a subclass wants to know
            super().update_cookies_from_headers(headers, response_url)
        elif headers:
            parsed = map(parse_set_cookie, headers)
            self._take([cookie for cookie in parsed if cookie is not None], response_url)

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        """The cookies for a request to this URL, by name: of one name the closest path counts."""
        from .morsels import plain_cookies

        return plain_cookies(self._matching(request_url))

    def cookie_header(self, request_url: URL) -> str:
        """Internal: the value of a request's Cookie header; empty when there is none.

        Cookies of one name and different paths all go, in the order of RFC 6265, section 5.4.
        """
        if not self._store:
            return ""
        return "; ".join([cookie.pair for cookie in self._matching(request_url)])

    def save(self, file_path: str | os.PathLike[str]) -> None:
        """Write all cookies to a JSON file that only its owner can read (mode 0600).

        The file is replaced as a whole: whoever reads it sees the old or the new one.

        :raises OSError: it cannot be written.
        """
        from .files import write_cookies

        self._store.expire(self._now())
        write_cookies(file_path, self._store)

    def load(self, file_path: str | os.PathLike[str]) -> None:
        """Replace all cookies by those of a file that `save` wrote, or aiohttp's `save` did.

        :raises OSError: it cannot be read.
        :raises ValueError: it is no file of cookies. The jar is unchanged then.
        """
        from .files import read_cookies

        store = CookieStore(self._limits)
        for cookie in read_cookies(file_path):
            store.add(cookie)
        store.expire(self._now())
        self._store = store

    def _matching(self, url: URL) -> list[Cookie]:
        store = self._store
        if not store:
            return []
        store.expire(self._now())
        url = url if isinstance(url, URL) else URL(url)
        host = self._policy.host_of(url) or ""
        return store.matching(host, url.raw_path or "/", self._policy.is_secure(url))

    def _take(self, cookies: list[SetCookie], url: URL) -> None:
        host = self._policy.host_of(url)
        if host is None:
            return
        now = self._now()
        secure = not host or self._policy.is_secure(url)
        for given in cookies:
            cookie = self._policy.accept(given, url, host, secure, now)
            if cookie is not None and (secure or not self._store.shadows_secure(cookie)):
                self._keep(cookie, now)

    def _keep(self, cookie: Cookie, now: float) -> None:
        if cookie.expires_at is not None and cookie.expires_at <= now:
            self._store.remove(cookie.domain, cookie.path, cookie.name)
        else:
            self._store.expire(now)
            self._store.add(cookie)


class DummyCookieJar(AbstractCookieJar):
    """A jar that keeps nothing, for sessions that want no cookies."""

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Morsel[str]]:
        return iter(())

    @property
    def cookies(self) -> Mapping[tuple[str, str], SimpleCookie]:
        return MappingProxyType({})

    @property
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        return frozenset()

    @property
    def unsafe(self) -> bool:
        return False

    @property
    def quote_cookie(self) -> bool:
        return True

    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        pass

    def clear_domain(self, domain: str) -> None:
        pass

    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        pass

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        pass

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        from http.cookies import SimpleCookie

        return SimpleCookie()

    def cookie_header(self, request_url: URL) -> str:
        return ""


def request_cookies(
    jar: AbstractCookieJar, url: URL, cookies: LooseCookies | None = None, header: str = ""
) -> str:
    """The Cookie header of a request, from all that has a say in it; empty for none.

    As in aiohttp: of one name the request's own `cookies` count before those of the jar, and these
    before the Cookie `header` that the request was given.
    """
    parts = [_header_of(jar, url)]
    if cookies:
        trusted = getattr(jar, "treat_as_secure_origin", None)
        own = CookieJar(unsafe=True, quote_cookie=jar.quote_cookie, treat_as_secure_origin=trusted)
        own.update_cookies(cookies)
        parts.insert(0, own.cookie_header(url))
    if header:
        parts.append("; ".join(f"{name}={value}" for name, value in parse_cookie_header(header)))
    return _merge([part for part in parts if part])


def length_counts(jar: AbstractCookieJar) -> bool:
    """Whether a jar of length 0 has no cookie for any request: a user's own may make them up."""
    kind: Any = type(jar)
    asked = (kind.filter_cookies, getattr(kind, "cookie_header", None))
    return any(
        asked == (ours.filter_cookies, ours.cookie_header) for ours in (CookieJar, DummyCookieJar)
    )


def _header_of(jar: AbstractCookieJar, url: URL) -> str:
    """What the jar has for a request; of a subclass, what its own `filter_cookies` gives."""
    kind: Any = type(jar)
    asked = getattr(kind, "cookie_header", None)
    by_filter = asked is CookieJar.cookie_header and (
        kind.filter_cookies is not CookieJar.filter_cookies
    )
    if asked is None or by_filter:
        return AbstractCookieJar.cookie_header(jar, url)
    return jar.cookie_header(url)


def _merge(headers: list[str]) -> str:
    """One header of several: what a former one names, a later one does not add to."""
    if len(headers) < 2:
        return "".join(headers)
    seen: set[str] = set()
    merged: list[str] = []
    for header in headers:
        pairs = header.split("; ")
        merged += [pair for pair in pairs if pair.partition("=")[0] not in seen]
        seen.update(pair.partition("=")[0] for pair in pairs)
    return "; ".join(merged)
