"""Digest access authentication as pure computation: a challenge in, an answer out (RFC 7616)."""

from __future__ import annotations

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
"""RFC 7616 has MD5, SHA-256 and SHA-512-256; the others are those that aiohttp also answers."""


class Challenge(NamedTuple):
    """What a server asks for. `algorithm` is as the server wrote it, "" when it wrote none."""

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
        """Whether the key is made once for each nonce and client nonce (``-sess``)."""
        return self.algorithm.upper().endswith("-SESS")


def parse_challenges(headers: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    """Schemes, in lower case, and parameters of WWW-Authenticate headers (RFC 9110, 11.6.1)."""
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
    """The first Digest challenge that can be answered: the server's order is its preference.

    (RFC 7616, section 3.7.) None when there is none.
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
    # The header has parameters alone: a scheme makes a challenge of it.
    (_, given), *_ = parse_challenges([f"info {header}"])
    return given


def next_nonce(header: str) -> str | None:
    """The nonce for the next request that an Authentication-Info header gives, if it gives one."""
    return authentication_info(header).get("nextnonce") or None


def _choose_qop(offered: str) -> str | None:
    """``auth`` rather than ``auth-int``, which needs the body; None when neither is offered."""
    options = offered.lower().replace(",", " ").split()
    if not options:
        return ""
    return next((qop for qop in ("auth", "auth-int") if qop in options), None)


def _hasher(algorithm: str) -> Callable[[bytes], str] | None:
    """The hash function, in hexadecimal; None when this Python does not have it."""
    import hashlib

    name = _HASHES.get(algorithm.upper().removesuffix("-SESS") or "MD5")
    if name is None or name not in hashlib.algorithms_available:
        return None
    return lambda data: hashlib.new(name, data, usedforsecurity=False).hexdigest()


class Answer(NamedTuple):
    """What an Authorization header is computed from (RFC 7616, section 3.4).

    `uses` tells how often the nonce has been used, this time included; `body` is needed for
    ``auth-int`` alone.
    """

    challenge: Challenge
    login: str
    password: str
    method: str
    uri: str
    uses: int
    cnonce: str
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Answer {self.uses} to {self.challenge!r}>"  # without the password

    def header(self) -> str:
        """The value of the Authorization header.

        :raises ValueError: the challenge's algorithm is not known.
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
            f'response="{self._response(digest, self._subject(digest))}"',
        ]
        if challenge.algorithm:
            parts.append(f"algorithm={challenge.algorithm}")
        if challenge.opaque is not None:
            parts.append(f"opaque={_quoted(challenge.opaque)}")
        if challenge.qop:
            parts += [f"qop={challenge.qop}", f"nc={self.uses:08x}"]
        if challenge.qop or challenge.is_session:
            parts.append(f"cnonce={_quoted(self.cnonce)}")
        if challenge.userhash:
            parts.append("userhash=true")
        return "Digest " + ", ".join(parts)

    def is_confirmed_by(self, info: Mapping[str, str]) -> bool:
        """Whether an Authentication-Info belongs to this answer, from one who knows the password.

        That is what ``rspauth`` proves (section 3.5). One that has none, which the section allows,
        and one for ``auth-int``, which also proves the response's body, are compared by their
        count and client nonce alone.
        """
        given, challenge = info.get("rspauth"), self.challenge
        if not challenge.qop:
            return True  # RFC 2069 has no proof
        if info.get("cnonce", self.cnonce) != self.cnonce:
            return False
        if info.get("nc", f"{self.uses:08x}").lower() != f"{self.uses:08x}":
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

    def _subject(self, digest: Callable[[bytes], str]) -> str:
        """What the answer is for (section 3.4.3)."""
        subject = f"{self.method}:{self.uri}"
        return f"{subject}:{digest(self.body)}" if self.challenge.qop == "auth-int" else subject

    def _response(self, digest: Callable[[bytes], str], subject: str) -> str:
        challenge = self.challenge
        key = digest(_bytes(f"{self.login}:{challenge.realm}:{self.password}"))
        if challenge.is_session:
            key = digest(_bytes(f"{key}:{challenge.nonce}:{self.cnonce}"))
        once = challenge.nonce
        if challenge.qop:
            once += f":{self.uses:08x}:{self.cnonce}:{challenge.qop}"
        return digest(_bytes(f"{key}:{once}:{digest(_bytes(subject))}"))


def _bytes(text: str) -> bytes:
    """UTF-8; what of a challenge is no text stays the bytes that it came as."""
    return text.encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
