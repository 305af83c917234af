"""`Site`: a server at the far end of a wire, and what a client needs to reach it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from httptrace import AbstractResolver
from httptrace.net.resolver import ResolveResult
from httptrace.testing.certificates import CertificateAuthority

from .errors import Lookup
from .link import SERVER_ADDRESS, Wire

NAME = "far.test"
_LOOKUP_MS = 5.0


@dataclass(frozen=True)
class Site:
    """The wire, and the server's URLs with its address; `context` trusts its certificate."""

    wire: Wire
    http: str
    https: str
    context: ssl.SSLContext


@contextmanager
def site() -> Iterator[Site]:
    """Make a wire with a server; raises WireMissing where that is not possible."""
    ca = CertificateAuthority()
    with Wire() as wire, tempfile.TemporaryDirectory() as directory:
        ca.issue(SERVER_ADDRESS, NAME).save(directory)
        at = os.open(directory, os.O_RDONLY)
        try:
            with wire.spawn("tests.wire.server", [wire.server.fd, at]) as control:
                plain, secure = json.loads(control.recv(1000))
                yield Site(
                    wire,
                    f"http://{SERVER_ADDRESS}:{plain}",
                    f"https://{SERVER_ADDRESS}:{secure}",
                    ca.client_context(),
                )
        finally:
            os.close(at)


class TimedResolver(AbstractResolver):
    """Takes five milliseconds for each look-up, and keeps when the last one was made."""

    last: Lookup | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The server's address."""
        asked_ns = time.perf_counter_ns()
        await asyncio.sleep(_LOOKUP_MS / 1e3)
        self.last = Lookup(asked_ns, time.perf_counter_ns())
        return [
            ResolveResult(
                hostname=host,
                host=SERVER_ADDRESS,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""
