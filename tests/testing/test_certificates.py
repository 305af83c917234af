"""Valid certificates are accepted, bad ones fail for the reason that they were made for."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from httptrace.testing.certificates import Certificate, CertificateAuthority, self_signed
from httptrace.testing.tls_layer import TLSLayer


def shake_hands(
    server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Do a handshake in memory and return the client's and the server's end."""
    layer = TLSLayer(server)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = client.wrap_bio(incoming, outgoing, server_hostname=name)
    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
        layer.feed(outgoing.read())
        layer.handshake()
        incoming.write(layer.outgoing())
    return end, layer.object


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_good_certificate(ca: CertificateAuthority, name: str) -> None:
    """A certificate for loopback is accepted for each of its names."""
    end, _ = shake_hands(ca.issue().server_context(), ca.client_context(), name)
    assert end.version() == "TLSv1.3"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="strict by default since Python 3.13")
def test_strict_verification_is_on(ca: CertificateAuthority) -> None:
    """The certificates pass the strict checks of newer Pythons."""
    assert ca.client_context().verify_flags & ssl.VERIFY_X509_STRICT


def bad(kind: str, ca: CertificateAuthority) -> Certificate:
    makers: dict[str, Callable[[], Certificate]] = {
        "expired": ca.issue_expired,
        "not yet valid": ca.issue_not_yet_valid,
        "mismatch": lambda: ca.issue("elsewhere.example"),
        "self-signed": self_signed,
        "unable to get": lambda: CertificateAuthority("another").issue(),
    }
    return makers[kind]()


@pytest.mark.parametrize(
    "kind", ["expired", "not yet valid", "mismatch", "self-signed", "unable to get"]
)
def test_bad_certificates(ca: CertificateAuthority, kind: str) -> None:
    """Each bad certificate is refused, and the error says what is wrong."""
    with pytest.raises(ssl.SSLCertVerificationError, match=kind):
        shake_hands(bad(kind, ca).server_context(), ca.client_context())


def test_client_certificate(ca: CertificateAuthority) -> None:
    """A server that requires a certificate gets the client's, and refuses a client without."""
    server = ca.issue().server_context(client_ca=ca)
    _, end = shake_hands(server, ca.client_context(ca.issue("client.example")))
    shown = end.getpeercert()
    assert shown is not None
    assert (("commonName", "client.example"),) in shown["subject"]
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate"):
        shake_hands(server, ca.client_context())


def test_alpn_and_server_name(ca: CertificateAuthority) -> None:
    """The server offers protocols and records the name that the client requested."""
    names: list[str | None] = []
    client = ca.client_context()
    client.set_alpn_protocols(["http/1.1"])
    server = ca.issue().server_context(alpn=["h2", "http/1.1"], server_names=names)
    end, _ = shake_hands(server, client)
    assert end.selected_alpn_protocol() == "http/1.1"
    assert names == ["localhost"]


def test_fingerprint(ca: CertificateAuthority) -> None:
    """The fingerprint is the digest of the server's certificate."""
    certificate = ca.issue()
    end, _ = shake_hands(certificate.server_context(), ca.client_context())
    der = end.getpeercert(binary_form=True)
    assert der is not None
    assert certificate.fingerprint == hashlib.sha256(der).digest()


def test_save(ca: CertificateAuthority, tmp_path: Path) -> None:
    """Saved files can be used by other programs; only the owner can read the key."""
    certificate, key = ca.issue().save(tmp_path)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    ssl.create_default_context(cafile=ca.save(tmp_path / "ca.pem"))


def test_missing_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error says what to install."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for make in (CertificateAuthority, self_signed):
        with pytest.raises(ImportError, match=r"httptrace\[testing\]"):
            make()
