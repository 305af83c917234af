"""Cookie jars, with aiohttp's names (aiohttp's documentation, "CookieJar").

They follow RFC 6265 and, where browsers differ from it, RFC 6265bis.
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
"""What parameters for cookies accept: a mapping, pairs of names and values, or a SimpleCookie."""

_NO_URL = URL()


def _wall_clock() -> float:
    """Looks up `time.time` at each call, so that tests can replace it."""
    return time.time()


class AbstractCookieJar(Sized, Iterable["Morsel[str]"], ABC):
    """Base class of cookie jars; subclass it to write a jar of your own."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """`loop` is accepted for compatibility with aiohttp and ignored."""

    @property
    @abstractmethod
    def cookies(self) -> Mapping[tuple[str, str], SimpleCookie]:
        """All cookies by domain and path, as a read-only mapping."""

    @property
    @abstractmethod
    def host_only_cookies(self) -> frozenset[tuple[str, str, str]]:
        """Domain, path and name of the host-only cookies: only the host that set them gets them."""

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
        """Origins without TLS that may set and receive cookies with the Secure attribute."""
        return frozenset()

    @abstractmethod
    def clear(self, predicate: Callable[[Morsel[str]], bool] | None = None) -> None:
        """Remove all cookies, or those for which the predicate is true."""

    @abstractmethod
    def clear_domain(self, domain: str) -> None:
        """Remove the cookies of this domain and of the domains below it."""

    @abstractmethod
    def update_cookies(self, cookies: LooseCookies, response_url: URL = _NO_URL) -> None:
        """Add cookies as if `response_url` had set them; without a URL, for every host."""

    @abstractmethod
    def filter_cookies(self, request_url: URL) -> BaseCookie[str]:
        """The cookies for a request to this URL."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Add the cookies in a response's Set-Cookie headers."""
        if headers:
            from .morsels import received_pairs

            self.update_cookies(received_pairs(headers), response_url)


class CookieJar(AbstractCookieJar):
    """Stores the cookies that servers set, and selects those for each request.

    :param unsafe: accept cookies from hosts that are IP addresses.
    :param quote_cookie: send values with special characters in quotes. A value that a server set
        is sent back exactly as it was received. With ``False`` no value is sent in quotes.
    :param treat_as_secure_origin: URLs of origins without TLS that may set and receive cookies
        with the Secure attribute.
    :param loop: accepted for compatibility with aiohttp and ignored.
    :param max_cookies: the largest number of cookies.
    :param max_cookies_per_domain: the largest number of cookies for one domain. If a limit is
        exceeded, the least recently sent cookie is evicted (RFC 6265, sections 5.3 and 6.1).
    :param max_cookie_size: cookies whose name and value together have more bytes are ignored.
    :param is_public_suffix: a function that returns whether a domain is a public suffix, such as
        ``co.uk``; cookies for such a domain are ignored. A name of one label always is one.
    :param clock: a function that returns the time in seconds since 1970, for expiry.
    :raises TypeError: a limit is not an int.
    :raises ValueError: a limit is not positive, or an origin is not an absolute URL.
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
        """Add cookies as if `response_url` had set them; without a URL, for every host.

        :raises ValueError: a name or value contains characters that a header cannot have.
        :raises TypeError: a name is not a str, or a value is None.
        """
        from .morsels import given_cookies

        self._take(list(given_cookies(cookies)), response_url)

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        """Add the cookies in Set-Cookie headers. Headers that browsers ignore are ignored."""
        if type(self).update_cookies is not CookieJar.update_cookies:  # overridden
            super().update_cookies_from_headers(headers, response_url)
        elif headers:
            parsed = map(parse_set_cookie, headers)
            self._take([cookie for cookie in parsed if cookie is not None], response_url)

    def filter_cookies(self, request_url: URL = _NO_URL) -> BaseCookie[str]:
        """The cookies for a request to this URL by name. The one with the longest path is taken."""
        from .morsels import plain_cookies

        return plain_cookies(self._matching(request_url))

    def save(self, file_path: str | os.PathLike[str]) -> None:
        """Write all cookies to a JSON file with mode 0600. An existing file is replaced atomically.

        :raises OSError: the file cannot be written.
        """
        from .files import write_cookies

        self._store.expire(self._now())
        write_cookies(file_path, self._store)

    def load(self, file_path: str | os.PathLike[str]) -> None:
        """Replace all cookies by those in a file that `save` wrote, or aiohttp's `save`.

        Pickles, which aiohttp before 3.14 wrote, are read too; nothing in them is run.

        :raises OSError: the file cannot be read.
        :raises ValueError: the file is not a cookie file. The jar is not changed in this case.
        """
        from .files import read_cookies

        store = CookieStore(self._limits)
        for cookie in read_cookies(file_path, self._now()):
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
    """A jar that stores nothing, for sessions without cookies."""

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


def request_cookies(
    jar: AbstractCookieJar, url: URL, cookies: LooseCookies | None = None, header: str = ""
) -> str:
    """The value of a request's Cookie header; empty if there is none.

    As in aiohttp, the request's `cookies` take precedence over those of the same name in the jar,
    and these over the Cookie `header` that the caller gave.
    """
    parts = [cookie_header(jar, url)]
    if cookies:
        trusted = getattr(jar, "treat_as_secure_origin", None)
        own = CookieJar(unsafe=True, quote_cookie=jar.quote_cookie, treat_as_secure_origin=trusted)
        own.update_cookies(cookies)
        parts.insert(0, cookie_header(own, url))
    if header:
        parts.append("; ".join(f"{name}={value}" for name, value in parse_cookie_header(header)))
    return _merge([part for part in parts if part])


def length_counts(jar: AbstractCookieJar) -> bool:
    """Whether a jar of length 0 has no cookies for any request.

    A subclass that overrides `filter_cookies` may generate cookies.
    """
    return type(jar).filter_cookies in (CookieJar.filter_cookies, DummyCookieJar.filter_cookies)


def cookie_header(jar: AbstractCookieJar, url: URL) -> str:
    """The jar's cookies for a request to `url` as a Cookie header; empty if there are none.

    A `CookieJar` sends all cookies that have the same name and different paths, in the order of
    RFC 6265, section 5.4. Of another jar, or a subclass that overrides `filter_cookies`, the
    cookies that `filter_cookies` returns are sent.
    """
    if isinstance(jar, CookieJar) and type(jar).filter_cookies is CookieJar.filter_cookies:
        return "; ".join([cookie.pair for cookie in jar._matching(url)])
    cookies = jar.filter_cookies(url).values()
    return "; ".join(f"{morsel.key}={morsel.coded_value}" for morsel in cookies)


def _merge(headers: list[str]) -> str:
    """Join Cookie headers. Names that an earlier header contains are left out of later ones."""
    if len(headers) < 2:
        return "".join(headers)
    seen: set[str] = set()
    merged: list[str] = []
    for header in headers:
        pairs = header.split("; ")
        merged += [pair for pair in pairs if pair.partition("=")[0] not in seen]
        seen.update(pair.partition("=")[0] for pair in pairs)
    return "; ".join(merged)
