"""TLS: contexts, fingerprints, what a handshake agreed on and why it failed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from threading import Lock
from time import time
from typing import TYPE_CHECKING, Any, cast

from ..errors import ServerFingerprintMismatch
from ..trace.record import TlsFacts

if TYPE_CHECKING:
    from ..trace.record import Record

_ALPN = ["http/1.1"]
_OLD_DIGESTS = (16, 20)

# X509_V_ERR_… of OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _NO_ISSUER = 9, 10, (18, 19), (2, 20, 21)
_NAME_MISMATCH = (62, 63, 64)


class Fingerprint:
    """Accept only the server whose certificate (DER) has this SHA-256 digest.

    Given as `ssl`, it takes the place of the usual verification (aiohttp's documentation, "SSL
    control for TCP sockets").

    Raises
    ------
    TypeError, ValueError
        When it is not 32 bytes; MD5 and SHA-1 are refused because they can be forged.
    """

    __slots__ = ("_digest",)

    def __init__(self, fingerprint: bytes) -> None:
        if not isinstance(fingerprint, bytes | bytearray | memoryview):
            raise TypeError(f"fingerprint must be bytes, not {fingerprint!r}")
        self._digest = bytes(fingerprint)
        if len(self._digest) in _OLD_DIGESTS:
            raise ValueError("fingerprint must be a SHA-256 digest: MD5 and SHA-1 are insecure")
        if len(self._digest) != 32:
            raise ValueError(
                f"fingerprint must be a SHA-256 digest of 32 bytes, got {len(self._digest)} bytes"
            )

    @property
    def fingerprint(self) -> bytes:
        """The digest."""
        return self._digest

    def check(self, transport: asyncio.BaseTransport) -> None:
        """Compare with the certificate at the other end; without TLS there is nothing to check.

        Raises
        ------
        ServerFingerprintMismatch
            When it is another one.
        """
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is None:
            return
        from hashlib import sha256

        got = sha256(tls.getpeercert(binary_form=True) or b"").digest()
        if got != self._digest:
            host, port, *_ = transport.get_extra_info("peername") or ("", 0)
            raise ServerFingerprintMismatch(self._digest, got, host, port)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fingerprint) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"Fingerprint({self._digest!r})"


# --- contexts ---------------------------------------------------------------------------------

Choice = ssl.SSLContext | bool | Fingerprint
"""What `ssl` may be: True verifies, False does not."""

_verified: ssl.SSLContext | None = None
_unverified: ssl.SSLContext | None = None
_loading = Lock()


async def context_for(requested: Choice, default: Choice, record: Record) -> ssl.SSLContext:
    """The context for a request's `ssl`, which goes before the connector's."""
    for choice in (requested, default):
        if isinstance(choice, ssl.SSLContext):
            return choice
        if choice is not True:
            return unverified_context()
    return await verified(record)


async def verified(record: Record) -> ssl.SSLContext:
    """`verified_context`, without holding up the loop when it is made: that is time of TLS."""
    if _verified is not None:
        return _verified
    record.enter("tls")
    # Reading the system's certificates takes longer than a loop may be held up.
    return await asyncio.get_running_loop().run_in_executor(None, verified_context)


def fingerprint_for(requested: Choice, default: Choice) -> Fingerprint | None:
    """The fingerprint to check, if one is wanted."""
    for choice in (requested, default):
        if isinstance(choice, Fingerprint):
            return choice
    return None


def verified_context() -> ssl.SSLContext:
    """The context that all share: it verifies against the authorities that the system trusts."""
    global _verified
    with _loading:
        if _verified is not None:
            return _verified
        context = ssl.create_default_context()
        context.set_alpn_protocols(_ALPN)
        _verified = context
        return context


def unverified_context() -> ssl.SSLContext:
    """The context that all share for ``ssl=False`` and for fingerprints."""
    global _unverified
    if _unverified is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(_ALPN)
        _unverified = context
    return _unverified


class Handshake:
    """Stands in for a context for one handshake, to see the certificates if it fails.

    Event loops make the `SSLObject` themselves and drop it with the failed transport. All that
    they ask of a context is `wrap_bio`, and that it be one.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._object: ssl.SSLObject | None = None

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As `SSLContext.wrap_bio`."""
        self._object = self._context.wrap_bio(*args, **kwargs)
        return self._object

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    @property
    def __class__(self) -> Any:
        # ``start_tls`` asks isinstance() before it does what ``create_connection`` does.
        return ssl.SSLContext

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("a handshake stays one")

    def as_context(self) -> ssl.SSLContext:
        """The same, for who asks for a context."""
        return cast("ssl.SSLContext", self)

    def peer_chain(self) -> list[Mapping[str, Any]]:
        """The certificates that the peer sent, leaf first, believed or not; [] if unknown."""
        try:
            # Public from Python 3.13 on, but as bytes only; these objects can tell their fields.
            chain = self._object._sslobj.get_unverified_chain()  # type: ignore[union-attr]
            return [certificate.get_info() for certificate in chain or ()]
        except (AttributeError, ValueError, ssl.SSLError):
            return []


# --- what was agreed --------------------------------------------------------------------------


def tls_facts(tls: ssl.SSLObject) -> TlsFacts:
    """What a completed handshake agreed on."""
    certificate: Mapping[str, Any] = tls.getpeercert() or {}  # empty if it was not verified
    cipher = tls.cipher()
    return TlsFacts(
        version=tls.version() or "",
        cipher=cipher[0] if cipher else "",
        alpn=tls.selected_alpn_protocol(),
        session_reused=tls.session_reused,
        peer_subject=_common_name(certificate.get("subject", ())),
        peer_expiry=_day(certificate, "notAfter"),
    )


def _common_name(subject: Any) -> str | None:
    for part in subject:
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None


def _day(certificate: Mapping[str, Any], field: str) -> str | None:
    """The day of a certificate's date, as ISO 8601 writes it."""
    if field not in certificate:
        return None
    from datetime import UTC, datetime

    seconds = ssl.cert_time_to_seconds(certificate[field])
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


# --- why it was refused -----------------------------------------------------------------------


def explained(
    error: ssl.SSLCertVerificationError, chain: list[Mapping[str, Any]], server_hostname: str
) -> ssl.SSLCertVerificationError:
    """The same error, its text saying what is wrong with the certificate."""
    text = _problem(error, chain, server_hostname)
    told = ssl.SSLCertVerificationError(
        error.errno, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text}"
    )
    told.verify_code, told.verify_message = error.verify_code, text
    told.library, told.reason = error.library, error.reason
    return told


def _problem(
    error: ssl.SSLCertVerificationError, chain: list[Mapping[str, Any]], server_hostname: str
) -> str:
    code = getattr(error, "verify_code", 0)
    plain = getattr(error, "verify_message", "") or str(error)
    leaf: Mapping[str, Any] = chain[0] if chain else {}
    if code == _EXPIRED:
        return _dated("certificate has expired on", chain, "notAfter", -1) or plain
    if code == _NOT_YET_VALID:
        return _dated("certificate is not valid before", chain, "notBefore", 1) or plain
    if code in _NAME_MISMATCH and (names := _names(leaf)):
        return f"certificate is for {names}, not for {server_hostname}"
    if code in _SELF_SIGNED:
        return f"{plain} of {_common_name(leaf.get('subject', ())) or 'an unnamed subject'}"
    if code in _NO_ISSUER and (issuer := _common_name(leaf.get("issuer", ()))):
        return f"certificate is issued by {issuer}, which is not trusted ({plain})"
    return plain


def _dated(text: str, chain: list[Mapping[str, Any]], field: str, sign: int) -> str | None:
    """The text with the day of the first certificate in the chain whose time is not now."""
    now = time()
    for certificate in chain:
        if (ssl.cert_time_to_seconds(certificate[field]) - now) * sign > 0:
            return f"{text} {_day(certificate, field)}"
    return None


def _names(certificate: Mapping[str, Any]) -> str:
    names = [str(value) for _kind, value in certificate.get("subjectAltName", ())]
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
