"""Digest access authentication without I/O: parse challenges, compute answers (RFC 7616)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from ..headers.mime import unquote

__all__ = [
    "Answer",
    "Challenge",
    "authentication_info",
    "digest_challenge",
    "next_nonce",
    "parse_challenges",
]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PIECE = re.compile(
    rf"""[\s,]*(?:
        (?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))
        |(?P<scheme>{_TOKEN})(?:[ ]+[0-9A-Za-z._~+/-]+=*(?=\s*(?:,|\Z)))?
    )""",
    re.VERBOSE | re.DOTALL,
)
_HASHES = {
    "MD5": "md5",
    "SHA": "sha1",
    "SHA-256": "sha256",
    "SHA256": "sha256",
    "SHA-512": "sha512",
    "SHA512": "sha512",
    "SHA-512-256": "sha512_256",
}
"""RFC 7616 has MD5, SHA-256 and SHA-512-256; the others are supported because aiohttp does."""


class Challenge(NamedTuple):
    """A Digest challenge. `algorithm` is as the server wrote it, or "" if it named none."""

    realm: str
    nonce: str
    algorithm: str = ""
    qop: str = ""
    opaque: str | None = None
    domain: str = ""
    stale: bool = False
    userhash: bool = False

    @property
    def is_session(self) -> bool:
        """Whether one key is used for all requests with the same nonce and cnonce (``-sess``)."""
        return self.algorithm.upper().endswith("-SESS")


def parse_challenges(headers: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """The challenges in WWW-Authenticate headers (RFC 9110, section 11.6.1).

    Each is a scheme in lower case and its parameters.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        position = 0
        while (match := _PIECE.match(header, position)) is not None:
            position = match.end()
            if match["scheme"]:
                found.append((match["scheme"].lower(), {}))
            elif found:
                value = unquote(match["quoted"]) if match["plain"] is None else match["plain"]
                found[-1][1].setdefault(match["name"].lower(), value)
    return found


def digest_challenge(headers: Iterable[str]) -> Challenge | None:
    """The first Digest challenge that can be answered, or None.

    Servers list their challenges in the order of preference (RFC 7616, section 3.7).
    """
    for scheme, given in parse_challenges(headers):
        if scheme != "digest" or "realm" not in given or not given.get("nonce"):
            continue
        algorithm = given.get("algorithm", "")
        qop = _choose_qop(given.get("qop", ""))
        if qop is not None and _hasher(algorithm) is not None:
            return Challenge(
                given["realm"],
                given["nonce"],
                algorithm,
                qop,
                given.get("opaque"),
                given.get("domain", ""),
                given.get("stale", "").lower() == "true",
                given.get("userhash", "").lower() == "true",
            )
    return None


def authentication_info(header: str) -> dict[str, str]:
    """The parameters of an Authentication-Info header (RFC 7615)."""
    # The header has parameters only. With a scheme in front it can be parsed as a challenge.
    (_, given), *_ = parse_challenges([f"info {header}"])
    return given


def next_nonce(header: str) -> str | None:
    """The nonce for the next request in an Authentication-Info header, if there is one."""
    return authentication_info(header).get("nextnonce") or None


def _choose_qop(offered: str) -> str | None:
    """Prefer ``auth`` to ``auth-int``, which needs the body; None if neither is offered."""
    options = offered.lower().replace(",", " ").split()
    if not options:
        return ""
    return next((qop for qop in ("auth", "auth-int") if qop in options), None)


def _hasher(algorithm: str) -> Callable[[bytes], str] | None:
    """A function that returns the hash in hexadecimal; None if the algorithm is not available."""
    name = _HASHES.get(algorithm.upper().removesuffix("-SESS") or "MD5")
    if name is None or name not in hashlib.algorithms_available:
        return None
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


class Answer(NamedTuple):
    """The values from which an Authorization header is computed (RFC 7616, section 3.4).

    `nonce_count` is how often the nonce has been used, including this time. `body` is needed for
    ``auth-int`` only.
    """

    challenge: Challenge
    login: str
    password: str
    method: str
    uri: str
    nonce_count: int
    cnonce: str
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Answer {self.nonce_count} to {self.challenge!r}>"  # without the password

    def header(self) -> str:
        """The value of the Authorization header.

        :raises ValueError: the challenge's algorithm is not supported.
        """
        challenge = self.challenge
        digest = _hasher(challenge.algorithm)
        if digest is None:
            raise ValueError(f"Unknown digest algorithm {challenge.algorithm!r}")
        parts = [
            self._username(digest),
            f"realm={_quoted(challenge.realm)}",
            f"nonce={_quoted(challenge.nonce)}",
            f"uri={_quoted(self.uri)}",
            f'response="{self._response(digest, self._a2(digest))}"',
        ]
        if challenge.algorithm:
            parts.append(f"algorithm={challenge.algorithm}")
        if challenge.opaque is not None:
            parts.append(f"opaque={_quoted(challenge.opaque)}")
        if challenge.qop:
            parts += [f"qop={challenge.qop}", f"nc={self.nonce_count:08x}"]
        if challenge.qop or challenge.is_session:
            parts.append(f"cnonce={_quoted(self.cnonce)}")
        if challenge.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)

    def is_confirmed_by(self, info: Mapping[str, str]) -> bool:
        """Whether an Authentication-Info header belongs to this answer.

        ``rspauth`` proves that the server knows the password (section 3.5). It is optional, and
        for ``auth-int`` it includes the response's body; in both cases only the nonce count and
        the cnonce are compared.
        """
        given, challenge = info.get("rspauth"), self.challenge
        if not challenge.qop:
            return True  # RFC 2069 has no rspauth
        if info.get("cnonce", self.cnonce) != self.cnonce:
            return False
        if info.get("nc", f"{self.nonce_count:08x}").lower() != f"{self.nonce_count:08x}":
            return False
        if given is None or info.get("qop", challenge.qop).lower() == "auth-int":
            return True
        digest = _hasher(challenge.algorithm)
        return digest is not None and self._response(digest, f":{self.uri}") == given.lower()

    def _username(self, digest: Callable[[bytes], str]) -> str:
        if self.challenge.userhash:
            return f'username="{digest(_bytes(f"{self.login}:{self.challenge.realm}"))}"'
        if self.login.isascii():
            return f"username={_quoted(self.login)}"
        return f"username*=UTF-8''{quote(self.login, safe='')}"

    def _a2(self, digest: Callable[[bytes], str]) -> str:
        """A2 of section 3.4.3."""
        a2 = f"{self.method}:{self.uri}"
        return f"{a2}:{digest(self.body)}" if self.challenge.qop == "auth-int" else a2

    def _response(self, digest: Callable[[bytes], str], a2: str) -> str:
        challenge = self.challenge
        key = digest(_bytes(f"{self.login}:{challenge.realm}:{self.password}"))
        if challenge.is_session:
            key = digest(_bytes(f"{key}:{challenge.nonce}:{self.cnonce}"))
        nonce = challenge.nonce
        if challenge.qop:
            nonce += f":{self.nonce_count:08x}:{self.cnonce}:{challenge.qop}"
        return digest(_bytes(f"{key}:{nonce}:{digest(_bytes(a2))}"))


def _bytes(text: str) -> bytes:
    """As UTF-8; bytes of the challenge that are not UTF-8 are sent back unchanged."""
    return text.encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
