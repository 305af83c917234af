"""Generates valid and invalid certificates for tests, and SSL contexts that use them.

    ca = CertificateAuthority()
    server_context = ca.issue("localhost", "127.0.0.1").server_context()
    client_context = ca.client_context()

Needs the package `cryptography`. Certificates and keys stay in memory unless `save` writes them.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["LOOPBACK_NAMES", "Certificate", "CertificateAuthority", "self_signed"]

_DAY = datetime.timedelta(days=1)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key in PEM. `certificate_pem` may be a chain, leaf first."""

    certificate_pem: bytes
    key_pem: bytes
    not_after: datetime.datetime

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 digest of the certificate in DER, as `httptrace.Fingerprint` expects it."""
        der = ssl.PEM_cert_to_DER_cert(self.certificate_pem.decode("ascii"))
        return hashlib.sha256(der).digest()

    def save(self, directory: str | Path) -> tuple[Path, Path]:
        """Write `certificate.pem` and `key.pem` to the directory and return their paths."""
        certificate, key = Path(directory) / "certificate.pem", Path(directory) / "key.pem"
        certificate.write_bytes(self.certificate_pem)
        key.touch(mode=0o600)
        key.write_bytes(self.key_pem)
        return certificate, key

    def load_into(self, context: ssl.SSLContext) -> None:
        """Make the context present this certificate."""
        with tempfile.TemporaryDirectory() as directory:  # OpenSSL reads only from files.
            context.load_cert_chain(*self.save(directory))

    def server_context(
        self,
        *,
        client_ca: CertificateAuthority | None = None,
        alpn: Sequence[str] = (),
        server_names: list[str | None] | None = None,
    ) -> ssl.SSLContext:
        """Make a server-side context that presents this certificate.

        With `client_ca`, clients must present a certificate that this authority issued. `alpn`
        lists the protocols to offer. The server name (SNI) of each client is appended to
        `server_names`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.load_into(context)
        if client_ca is not None:
            context.load_verify_locations(cadata=client_ca.pem.decode("ascii"))
            context.verify_mode = ssl.CERT_REQUIRED
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if server_names is not None:
            asked = server_names
            context.sni_callback = lambda _session, name, _context: asked.append(name)
        return context


class CertificateAuthority:
    """An authority that exists for one test run; trust it with `client_context()`.

    Raises ImportError with advice when `cryptography` is not installed.
    """

    def __init__(self, name: str = "httptrace test authority") -> None:
        _require_cryptography()
        self._key = _new_key()
        self._certificate = _authority_certificate(name, self._key)

    @property
    def pem(self) -> bytes:
        """The authority's certificate in PEM."""
        return _certificate_pem(self._certificate)

    def save(self, path: str | Path) -> Path:
        """Write the authority's certificate to a file, for options such as `--cacert`."""
        Path(path).write_bytes(self.pem)
        return Path(path)

    def client_context(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        """Make a client-side context that trusts only this authority.

        `certificate` is presented to servers that ask for a client certificate.
        """
        context = ssl.create_default_context(cadata=self.pem.decode("ascii"))
        if certificate is not None:
            certificate.load_into(context)
        return context

    def issue(
        self,
        *names: str,
        not_before: datetime.datetime | None = None,
        not_after: datetime.datetime | None = None,
    ) -> Certificate:
        """Issue a certificate for host names and IP addresses; by default those of loopback.

        It can be used by servers and clients. By default it has been valid for an hour, and is for
        thirty days.
        """
        key = _new_key()
        certificate = _leaf_certificate(
            names or LOOPBACK_NAMES, key, not_before, not_after, self._certificate, self._key
        )
        return _bundle(certificate, key)

    def issue_expired(self, *names: str) -> Certificate:
        """Issue a certificate that expired yesterday."""
        now = _now()
        return self.issue(*names, not_before=now - 30 * _DAY, not_after=now - _DAY)

    def issue_not_yet_valid(self, *names: str) -> Certificate:
        """Issue a certificate that is valid from tomorrow."""
        now = _now()
        return self.issue(*names, not_before=now + _DAY, not_after=now + 30 * _DAY)


def self_signed(*names: str) -> Certificate:
    """Make a self-signed certificate."""
    _require_cryptography()
    key = _new_key()
    return _bundle(_leaf_certificate(names or LOOPBACK_NAMES, key, None, None, None, key), key)


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "httptrace.testing.certificates needs the package 'cryptography',"
            " which is not installed: pip install 'httptrace[testing]'"
        ) from error


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_certificate(text: str, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    return (
        _builder(_name(text), _name(text), key)
        .not_valid_before(_now() - 60 * _DAY)
        .not_valid_after(_now() + 60 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, SHA256())
    )


def _leaf_certificate(
    names: Sequence[str],
    key: EllipticCurvePrivateKey,
    not_before: datetime.datetime | None,
    not_after: datetime.datetime | None,
    issuer: x509.Certificate | None,
    issuer_key: EllipticCurvePrivateKey,
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    subject = _name(names[0])
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _builder(subject, issuer.subject if issuer is not None else subject, key)
        .not_valid_before(not_before or _now() - _DAY / 24)
        .not_valid_after(not_after or _now() + 30 * _DAY)
        .add_extension(
            x509.SubjectAlternativeName([_alternative_name(name) for name in names]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(identifier, critical=False)
        .sign(issuer_key, SHA256())
    )


def _alternative_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _bundle(certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography.hazmat.primitives import serialization

    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certificate(_certificate_pem(certificate), key_pem, certificate.not_valid_after_utc)
