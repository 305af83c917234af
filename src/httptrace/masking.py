"""Masks secrets in headers and URLs before they are shown, logged or stored.

Secret are: headers that carry credentials, the user info of a URL, and query parameters that carry
credentials or signatures. They are recognised by name. `extend_masking` adds names for the whole
process; a separate `Masker` has its own names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from yarl import URL

__all__ = [
    "MASK",
    "Masker",
    "extend_masking",
    "mask_header",
    "mask_headers",
    "mask_text",
    "mask_url",
    "shown",
]

MASK = "***"
"""The text that replaces a secret."""

_HEADERS = frozenset({"authentication", "cookie", "setcookie", "xcsrf", "xauth", "xauthkey"})
_PARAMETERS = frozenset(
    "auth authorization awsaccesskeyid assertion code codeverifier credential hmac jwt key "
    "keypairid otp pass passwd policy pwd samlrequest samlresponse secret session sessionid "
    "sid sig".split()
)
# Names are compared in lower case without punctuation: X-Api-Key, api_key and apiKey are the same.
_SECRET_ENDING = re.compile(
    r"(?:apikey|accesskey|secretkey|privatekey|authorization|credentials?|password|passphrase"
    r"|secret|signature|token|jwt|sessionid|authkey)\Z"
)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_SCHEME_AND_REST = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]+\S")
_AUTHORITY_USER_INFO = re.compile(r"\A((?:[^/?#]*//)?)[^/?#]*@")
# A password with a raw "/", "?" or "#" makes the URL invalid (in //u:p/w@host "p" would be the
# port), and the invalid URL is quoted in an error message.
_BROKEN_USER_INFO = re.compile(r"\A([^/?#]*//)[^/?#@\[]*:(?!\d*(?:[/?#]|\Z)).*@", re.DOTALL)
# A ";" also separates pairs, but only where another name follows.
_PAIR = re.compile(r"(?<=[&;?#])([^&;=?#]+)=(?:[^&;#]|;(?![^&;=#]+=))*")
_URL_IN_TEXT = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+")
_URL_HEADERS = {
    "location": re.compile(r".+", re.DOTALL),
    "contentlocation": re.compile(r".+", re.DOTALL),
    "destination": re.compile(r".+", re.DOTALL),
    "referer": re.compile(r".+", re.DOTALL),
    "link": re.compile(r"(?<=<)[^>]+"),
    "refresh": re.compile(r"(?<=url=).+", re.IGNORECASE | re.DOTALL),
}
"""Headers that contain URLs, with a pattern that finds the URLs in the value."""


@lru_cache(maxsize=512)
def _plain(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name).lower()


class Masker:
    """Masks secrets in headers and URLs.

    :param headers: names of additional headers whose values are secret.
    :param parameters: names of additional query parameters whose values are secret.

    Names are compared without case and punctuation.
    """

    def __init__(self, headers: Iterable[str] = (), parameters: Iterable[str] = ()) -> None:
        self._headers = _HEADERS.union(map(_plain, headers))
        self._parameters = _PARAMETERS.union(map(_plain, parameters))

    def _is_secret(self, plain_header: str) -> bool:
        return plain_header in self._headers or _SECRET_ENDING.search(plain_header) is not None

    def header(self, name: str, value: str) -> str:
        """Mask the value of a header.

        The scheme of credentials is kept (``Bearer ***``), and so are the names of cookies. URLs
        in headers such as Location are masked as `url` does it.
        """
        plain = _plain(name)
        if not self._is_secret(plain):
            urls = _URL_HEADERS.get(plain)
            return value if urls is None else urls.sub(lambda found: self.url(found[0]), value)
        if plain == "cookie":
            return ";".join(map(_masked_cookie, value.split(";")))
        if plain == "setcookie":
            cookie, separator, attributes = value.partition(";")
            return f"{_masked_cookie(cookie)}{separator}{attributes}"
        scheme = _SCHEME_AND_REST.match(value)
        return f"{scheme[1]} {MASK}" if scheme and "authorization" in plain else MASK

    def headers(self, items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Mask the values of pairs of name and value, such as ``headers.items()``."""
        return [(name, self.header(name, value)) for name, value in items]

    def url(self, url: URL | str) -> str:
        """Mask the user info of a URL, and the secrets in its query and fragment.

        Accepts any text, also an invalid URL, and never raises.
        """
        text = str(url)
        if "@" in text:
            text = _AUTHORITY_USER_INFO.sub(rf"\g<1>{MASK}@", text)
            text = _BROKEN_USER_INFO.sub(rf"\g<1>{MASK}@", text)
        start = min((at for at in (text.find("?"), text.find("#")) if at >= 0), default=-1)
        return text if start < 0 else text[:start] + _PAIR.sub(self._masked_pair, text[start:])

    def _masked_pair(self, pair: re.Match[str]) -> str:
        name = _plain(unquote_plus(pair[1]))
        secret = name in self._parameters or _SECRET_ENDING.search(name) is not None
        return f"{pair[1]}={MASK}" if secret else pair[0]


def _masked_cookie(pair: str) -> str:
    name, separator, _ = pair.partition("=")
    if separator:
        return f"{name}={MASK}"
    return MASK if pair.strip() else pair


_own_headers: set[str] = set()
_own_parameters: set[str] = set()
_masker = Masker()


def extend_masking(headers: Iterable[str] = (), parameters: Iterable[str] = ()) -> None:
    """Add names of headers and query parameters whose values are secret, for the whole process."""
    global _masker
    _own_headers.update(headers)
    _own_parameters.update(parameters)
    _masker = Masker(_own_headers, _own_parameters)


def mask_url(url: URL | str) -> str:
    """Mask the secrets in a URL (`Masker.url`)."""
    return _masker.url(url)


def mask_header(name: str, value: str) -> str:
    """Mask the value of a header (`Masker.header`)."""
    return _masker.header(name, value)


def mask_headers(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Mask the values of pairs of name and value (`Masker.headers`)."""
    return _masker.headers(items)


def mask_text(text: str) -> str:
    """Mask each URL in a text, such as an error message."""
    return _URL_IN_TEXT.sub(lambda found: _masker.url(found[0]), text)


def shown(value: object) -> str:
    """A masked ``repr()``: headers and URLs are masked, of bytes only the number is shown."""
    from yarl import URL

    if isinstance(value, str | int | float | None):
        return repr(value)
    if isinstance(value, URL):
        return f"URL({mask_url(value)!r})"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{name!r}: {text!r}" for name, text in mask_headers(value.items()))
        return f"<{type(value).__name__}({pairs})>"
    return mask_text(repr(value))
