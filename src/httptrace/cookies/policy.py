"""Which cookies are accepted, and for which hosts (RFC 6265, section 5.3; 6265bis, section 5.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from yarl import URL

from .parsing import SetCookie, parse_cookie_date, quote_value
from .store import Cookie, default_path, domain_match, is_ip_address

__all__ = ["LATEST", "CookiePolicy", "canonical_domain", "secure_origins"]

LATEST = 253_402_300_799.0  # the end of the year 9999
_SECURE_SCHEMES = ("https", "wss")


def secure_origins(given: str | URL | Iterable[str | URL] | None) -> frozenset[URL]:
    """The origins of one or several URLs.

    :raises ValueError: a URL is not absolute.
    :raises TypeError: an item is neither a str nor a URL.
    """
    if given is None:
        return frozenset()
    urls = [given] if isinstance(given, (str, URL)) else given
    return frozenset(URL(url).origin() for url in urls)


def canonical_domain(domain: str) -> str:
    """The domain in lower case, in ASCII, without a leading dot (RFC 6265, 5.1.2 and 5.2.3)."""
    domain = domain.removeprefix(".").lower()
    if domain.isascii():
        return domain
    try:
        return URL.build(scheme="http", host=domain).raw_host or domain
    except ValueError:
        return domain


class CookiePolicy:
    """Decides whether a cookie is accepted, and converts it to the form that is stored."""

    def __init__(
        self,
        *,
        unsafe: bool,
        quote: bool,
        secure_origins: frozenset[URL],
        max_size: int,
        is_public_suffix: Callable[[str], bool] | None,
    ) -> None:
        self.unsafe = unsafe
        self.quote = quote
        self.secure_origins = secure_origins
        self._max_size = max_size
        self._is_public_suffix = is_public_suffix

    def host_of(self, url: URL) -> str | None:
        """The host of a URL; empty if it has none, None if the host may not have cookies."""
        host = url.raw_host or ""
        return None if host and not self.unsafe and is_ip_address(host) else host

    def is_secure(self, url: URL) -> bool:
        """Whether this URL may set and receive cookies with the Secure attribute."""
        if url.scheme in _SECURE_SCHEMES:
            return True
        return bool(self.secure_origins and url.raw_host and url.origin() in self.secure_origins)

    def accept(
        self, given: SetCookie, url: URL, host: str, secure: bool, now: float
    ) -> Cookie | None:
        """The cookie to store; None if this host may not set it.

        :raises ValueError: the value must be quoted to be sent, and quoting is switched off.
        """
        if host and given.coded is None:
            given = _with_prefix_attributes(given)
        domain, host_only = self._scope(canonical_domain(given.domain), host)
        if domain is None or (host and not self._is_allowed(given, secure, host_only)):
            return None
        return Cookie(
            given.name,
            given.value,
            self._coded(given),
            domain=domain,
            path=given.path if given.path.startswith("/") else default_path(url.raw_path),
            host_only=host_only,
            secure=given.secure,
            httponly=given.httponly,
            samesite=given.samesite,
            max_age=given.max_age,
            expires_at=expires_at(given, now),
        )

    def _scope(self, domain: str, host: str) -> tuple[str | None, bool]:
        """The cookie's domain, and whether it is host-only. None: the host may not set it."""
        if not domain or domain.endswith("."):
            return host, bool(host)
        if not host:
            return domain, False
        if self._is_public(domain) or is_ip_address(host):
            return (host, True) if domain == host else (None, False)
        return (domain, False) if domain_match(domain, host) else (None, False)

    def _is_public(self, domain: str) -> bool:
        if "." not in domain:
            return True
        return self._is_public_suffix is not None and self._is_public_suffix(domain)

    def _is_allowed(self, given: SetCookie, secure: bool, host_only: bool) -> bool:
        """Check the size, the Secure attribute, and the prefixes ``__Host-`` and ``__Secure-``."""
        if given.secure and not secure:
            return False
        coded = given.value if given.coded is None else given.coded
        # Bytes that are not UTF-8 have been decoded to surrogates.
        if len(f"{given.name}{coded}".encode("utf-8", "surrogatepass")) > self._max_size:
            return False
        name = given.name.lower()
        if name.startswith("__host-"):
            return given.secure and host_only and given.path == "/" and not given.domain
        return given.secure or not name.startswith("__secure-")

    def _coded(self, given: SetCookie) -> str:
        """The value to send: as the server sent it, or quoted if necessary and not switched off."""
        if self.quote:
            return quote_value(given.value) if given.coded is None else given.coded
        if ";" not in given.value:
            return given.value
        if given.coded is None or ";" in given.coded:
            raise ValueError(f"The value of the cookie {given.name!r} contains ';' without quotes")
        return given.coded


def _with_prefix_attributes(given: SetCookie) -> SetCookie:
    """Add the attributes that the prefix of the name requires, for a value that the caller gave."""
    name = given.name.lower()
    if name.startswith("__host-"):
        return given._replace(secure=True, path="/")
    return given._replace(secure=True) if name.startswith("__secure-") else given


def expires_at(given: SetCookie, now: float) -> float | None:
    """When a cookie expires. Max-Age takes precedence over Expires (RFC 6265, section 5.3)."""
    if not given.max_age:
        return parse_cookie_date(given.expires) if given.expires else None
    if given.max_age.startswith("-"):
        return now
    return min(now + int(given.max_age[:15]), LATEST)
