"""Basic authentication (RFC 7617) and the credentials of a netrc file."""

from __future__ import annotations

import logging
import os
import time
from base64 import b64decode, b64encode
from typing import Any, NamedTuple

from yarl import URL

__all__ = ["BasicAuth", "basic_auth", "encode_basic_auth", "netrc_auth"]

_log = logging.getLogger("httptrace.auth")


class _Credentials(NamedTuple):
    login: str
    password: str
    encoding: str


class BasicAuth(_Credentials):
    """Login and password, with aiohttp's signature (aiohttp's documentation, "BasicAuth").

    :raises ValueError: login or password is None, or there is a colon in the login (RFC 7617,
        section 2).
    """

    __slots__ = ()

    def __new__(cls, login: str, password: str = "", encoding: str = "latin1") -> BasicAuth:
        for part, value in (("login", login), ("password", password)):
            if value is None:
                raise ValueError(f"None is not allowed as {part} value")
            if not isinstance(value, str):
                raise TypeError(f"{part} must be a str, not {type(value).__name__}")
        if ":" in login:
            raise ValueError('A ":" is not allowed in login (RFC 7617, section 2)')
        return super().__new__(cls, login, password, encoding)

    @classmethod
    def decode(cls, auth_header: str, encoding: str = "latin1") -> BasicAuth:
        """The credentials of an Authorization header.

        :raises ValueError: it is no Basic authorization, or a malformed one.
        """
        scheme, separator, encoded = auth_header.partition(" ")
        if not separator:
            raise ValueError("Could not parse authorization header.")
        if scheme.lower() != "basic":
            raise ValueError(f"Unknown authorization method {scheme}")
        try:
            decoded = b64decode(encoded.strip(" ").encode("ascii"), validate=True).decode(encoding)
        except ValueError:
            # The cause would show credentials in a traceback.
            raise ValueError("Invalid base64 encoding.") from None
        login, separator, password = decoded.partition(":")
        if not separator:
            raise ValueError("Invalid credentials.")
        return cls(login, password, encoding)

    @classmethod
    def from_url(cls, url: URL, *, encoding: str = "latin1") -> BasicAuth | None:
        """The credentials that the URL carries, or None when it carries none.

        :raises TypeError: it is no yarl.URL.
        """
        if not isinstance(url, URL):
            raise TypeError("url should be yarl.URL instance")
        # `raw_user` is a part that yarl has split already; most URLs have none.
        if url.raw_user is None and url.raw_password is None:
            return None
        return cls(url.user or "", url.password or "", encoding)

    def encode(self) -> str:
        """The value of an Authorization header.

        :raises UnicodeEncodeError: a character is not in the encoding.
        """
        return _basic(f"{self.login}:{self.password}", self.encoding)

    def __repr__(self) -> str:
        # Reprs get into logs and tracebacks: the password stays out of them.
        return f"BasicAuth(login={self.login!r}, password='***', encoding={self.encoding!r})"


def basic_auth(parameter: str, value: Any) -> BasicAuth | None:
    """Credentials as they were given, aiohttp's own included; `parameter` names them in errors.

    :raises TypeError: it is neither BasicAuth nor None.
    """
    if value is None or isinstance(value, BasicAuth):
        return value
    if all(hasattr(value, part) for part in _Credentials._fields):
        return BasicAuth(value.login, value.password, value.encoding)
    raise TypeError(f"{parameter} must be BasicAuth or None, not {type(value).__name__}")


def encode_basic_auth(login: str, password: str = "", encoding: str = "utf-8") -> str:
    """The value of an Authorization header for login and password.

    :raises ValueError: there is a colon in the login, or a character is not in the encoding.
    """
    return BasicAuth(login, password, encoding).encode()


def _basic(credentials: str, encoding: str) -> str:
    return f"Basic {b64encode(credentials.encode(encoding)).decode('ascii')}"


def netrc_auth(host: str) -> BasicAuth | None:
    """The credentials of the user's netrc file for this host: its entry, or the default entry.

    The file is ``$NETRC``, or ``~/.netrc`` (on Windows also ``~/_netrc``). It is looked at once a
    second at the most, and read again when it has changed. One that cannot be read or understood
    is logged once and counts as empty.

    :param host: the host alone, as ``URL.host`` has it: never a port, never user info.
    """
    if not _netrc.is_fresh():
        _netrc.refresh()
    return _netrc.lookup(host)


class _Netrc:
    """What the netrc file says, kept until the file changes."""

    def __init__(self) -> None:
        self._entries: dict[str, BasicAuth] = {}
        self._version: tuple[object, ...] | None = None
        self._checked = float("-inf")
        self._named = ""

    def is_fresh(self) -> bool:
        """Whether the file was looked at within the last second."""
        if os.environ.get("NETRC", "") != self._named:
            return False
        return time.monotonic() - self._checked < 1.0

    def lookup(self, host: str) -> BasicAuth | None:
        return self._entries.get(host.lower()) or self._entries.get("")

    def refresh(self) -> None:
        """Read the file if it is another one than before."""
        self._named = os.environ.get("NETRC", "")
        path = self._path()
        version = _version(path)
        if version != self._version:
            self._entries = _read(path) if path else {}
            self._version = version
        self._checked = time.monotonic()

    def _path(self) -> str | None:
        if self._named:
            return os.path.expanduser(self._named)
        names = ("_netrc", ".netrc") if os.name == "nt" else (".netrc",)
        paths = [os.path.join(os.path.expanduser("~"), name) for name in names]
        return next(filter(os.path.exists, paths), None)


def _version(path: str | None) -> tuple[object, ...]:
    try:
        found = os.stat(path) if path else None
    except OSError:
        found = None
    return (path, found.st_mtime_ns, found.st_size, found.st_ino) if found else (path,)


def _read(path: str) -> dict[str, BasicAuth]:
    """The entries by host in lower case; the default entry stands under the empty name."""
    import netrc

    try:
        hosts = netrc.netrc(path).hosts
    except netrc.NetrcParseError as error:
        # The error's own text may quote a password.
        _log.warning("The netrc file %s cannot be understood (line %s)", path, error.lineno)
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not in UTF-8"
        _log.warning("The netrc file %s cannot be read: %s", path, reason)
        return {}
    entries = {("" if host == "default" else host.lower()): _entry(*hosts[host]) for host in hosts}
    return {host: auth for host, auth in entries.items() if auth is not None}


def _entry(login: str | None, account: str | None, password: str | None) -> BasicAuth | None:
    """The account stands in for a login that is missing, as in aiohttp."""
    name = login or account or ""
    if ":" in name or not (name or password):
        return None
    text = name + (password or "")
    encoding = "latin1" if all(ord(character) < 256 for character in text) else "utf-8"
    return BasicAuth(name, password or "", encoding)


_netrc = _Netrc()
