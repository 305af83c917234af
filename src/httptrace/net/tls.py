"""TLS: contexts, fingerprints, the results of handshakes, and texts for their errors."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Lock
from time import gmtime
from typing import TYPE_CHECKING, Any, cast

from ..errors import ServerFingerprintMismatch
from ..trace.record import TlsFacts

if TYPE_CHECKING:
    from ..trace.record import Record

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ALPN = ["http/1.1"]
_OLD_DIGESTS = (16, 20)

# X509_V_ERR_… in OpenSSL's x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _NO_ISSUER = 9, 10, (18, 19), (2, 20, 21)
_NAME_MISMATCH = (62, 63, 64)

_NOT_TLS = frozenset(
    {"PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL", "WRONG_VERSION_NUMBER"}
)
"""OpenSSL's reasons for a response that is not TLS; which one depends on its version."""


class Fingerprint:
    """Accepts only the certificate whose DER form has this SHA-256 digest.

    Given as `ssl`, it replaces the usual verification (aiohttp's documentation, "SSL control for
    TCP sockets").

    Raises
    ------
    TypeError, ValueError
        When it is not 32 bytes; MD5 and SHA-1 are refused because they can be forged.
    """

    __slots__ = ("_digest",)

    def __init__(self, fingerprint: bytes) -> None:
        if not isinstance(fingerprint, bytes | bytearray | memoryview):
            raise TypeError(f"fingerprint must be bytes, not {fingerprint!r}")
        import_module("hashlib")  # now, not in the handshake that `check` follows
        self._digest = bytes(fingerprint)
        if len(self._digest) in _OLD_DIGESTS:
            raise ValueError("fingerprint must be a SHA-256 digest: MD5 and SHA-1 are insecure")
        if len(self._digest) != 32:
            raise ValueError(
                f"fingerprint must be a SHA-256 digest of 32 bytes, got {len(self._digest)} bytes"
            )

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 digest."""
        return self._digest

    def check(self, transport: asyncio.BaseTransport) -> None:
        """Compare the digest with that of the peer's certificate; do nothing without TLS.

        Raises
        ------
        ServerFingerprintMismatch
            When they differ.
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

SslParameter = ssl.SSLContext | bool | Fingerprint
"""The type of `ssl` parameters: True verifies certificates, False does not."""

_verified: ssl.SSLContext | None = None
_unverified: ssl.SSLContext | None = None
_loading = Lock()


async def context_for(
    requested: SslParameter, default: SslParameter, record: Record
) -> ssl.SSLContext:
    """The context for a request's `ssl`; if that is True, for the connector's `ssl`."""
    for choice in (requested, default):
        if isinstance(choice, ssl.SSLContext):
            return choice
        if choice is not True:
            return unverified_context()
    return await verified(record)


async def verified(record: Record) -> ssl.SSLContext:
    """`verified_context`, made in a thread the first time; that time counts as TLS."""
    if _verified is not None:
        return _verified
    record.enter("tls")
    # Reading the system's certificates would block the loop for too long.
    return await asyncio.get_running_loop().run_in_executor(None, verified_context)


def fingerprint_for(requested: SslParameter, default: SslParameter) -> Fingerprint | None:
    """The fingerprint to check, if there is one."""
    for choice in (requested, default):
        if isinstance(choice, Fingerprint):
            return choice
    return None


def verified_context() -> ssl.SSLContext:
    """The shared context for ``ssl=True``: it trusts the system's certificate authorities."""
    global _verified
    with _loading:
        if _verified is not None:
            return _verified
        context = ssl.create_default_context()
        context.set_alpn_protocols(_ALPN)
        _verified = context
        return context


def unverified_context() -> ssl.SSLContext:
    """The shared context for ``ssl=False`` and for fingerprints."""
    global _unverified
    if _unverified is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(_ALPN)
        _unverified = context
    return _unverified


class HandshakeContext:
    """Wraps a context for one handshake: to know when it begins, and to keep the peer's
    certificates if it fails.

    Event loops make the `SSLObject` themselves and drop it with the failed transport. They only
    call the context's `wrap_bio`, right before the first bytes, and check that it is an
    `SSLContext`.
    """

    def __init__(self, context: ssl.SSLContext, begins: Callable[[], None]) -> None:
        self._context = context
        self._begins = begins
        self._object: ssl.SSLObject | None = None

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As `SSLContext.wrap_bio`."""
        self._begins()
        self._object = self._context.wrap_bio(*args, **kwargs)
        return self._object

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    @property
    def __class__(self) -> Any:
        # ``start_tls`` checks with isinstance(); ``create_connection`` does not.
        return ssl.SSLContext

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("the class of a HandshakeContext cannot be set")

    def as_context(self) -> ssl.SSLContext:
        """This object, typed as an `SSLContext`."""
        return cast("ssl.SSLContext", self)

    def peer_chain(self) -> list[Mapping[str, Any]]:
        """The certificates that the peer sent, leaf first, unverified; [] if unknown."""
        try:
            # Public from Python 3.13 on, but as bytes only. These objects have `get_info`.
            chain = self._object._sslobj.get_unverified_chain()  # type: ignore[union-attr]
            return [certificate.get_info() for certificate in chain or ()]
        except (AttributeError, ValueError, ssl.SSLError):
            return []


# --- results of a handshake -------------------------------------------------------------------


def tls_facts(tls: ssl.SSLObject) -> TlsFacts:
    """The results of a completed handshake."""
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
    """The day of a certificate's date field in ISO 8601."""
    if field not in certificate:
        return None
    year, month, day, *_ = _moment(certificate[field])
    return f"{year}-{month:02}-{day:02}"


def _moment(text: str) -> tuple[int, ...]:
    """Year, month, day, hour, minute and second of a date as ``Jun  9 10:18:14 2035 GMT``.

    `ssl.cert_time_to_seconds` would import modules in the middle of the first handshake.
    """
    month, day, clock, year, _zone = text.split()
    return int(year), _MONTHS.index(month) + 1, int(day), *map(int, clock.split(":"))


# --- texts of errors --------------------------------------------------------------------------


def explained_tls_error(error: ssl.SSLError, authority: str) -> ssl.SSLError:
    """The error; its text says so if the server does not speak TLS."""
    if error.reason not in _NOT_TLS:
        return error
    explained = ssl.SSLError(
        error.errno,
        f"{error.strerror}: the server at {authority} answered with something other than TLS, "
        "perhaps plain HTTP: use http:// for that",
    )
    explained.library, explained.reason = error.library, error.reason
    return explained


def explained_certificate_error(
    error: ssl.SSLCertVerificationError, chain: list[Mapping[str, Any]], server_hostname: str
) -> ssl.SSLCertVerificationError:
    """The error with a text that tells what is wrong with the certificate."""
    text = _problem(error, chain, server_hostname)
    explained = ssl.SSLCertVerificationError(
        error.errno, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text}"
    )
    explained.verify_code, explained.verify_message = error.verify_code, text
    explained.library, explained.reason = error.library, error.reason
    return explained


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
    """The text with the date of the chain's first certificate that is not valid now."""
    now = tuple(gmtime()[:6])
    for certificate in chain:
        moment = _moment(certificate[field])
        if moment > now if sign > 0 else moment < now:
            return f"{text} {_day(certificate, field)}"
    return None


def _names(certificate: Mapping[str, Any]) -> str:
    names = [str(value) for _kind, value in certificate.get("subjectAltName", ())]
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
