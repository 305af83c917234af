"""The server at the far end of the wire: a process that says in each response when it got what.

It is started as `python -m tests.wire.server CONTROL NAMESPACE DIRECTORY` with the descriptors of
its control socket, of the namespace to listen in, and of a directory with the certificate. It sends
its two ports, of HTTP and of HTTPS, and ends when the control socket is closed.

The query of a request says what is done with it: see `Wanted`. All times are readings of
`time.perf_counter_ns()`, which is one clock for all processes of the machine.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from urllib.parse import parse_qs

from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import ScriptedServer, per_request

from .link import SERVER_ADDRESS
from .namespaces import enter
from .priority import SERVER, be_real_time


@dataclass(frozen=True)
class Wanted:
    """The response that a request asks for in its query."""

    think_ms: float = 0
    """How long the server waits between the whole request and the response."""
    size: int = 100
    """The bytes of the body."""
    pieces: int = 1
    """In how many pieces the body is sent, the first with the head."""
    pause_ms: float = 0
    """How long the server waits between two pieces."""

    @classmethod
    def of(cls, request: ReceivedRequest) -> Wanted:
        """What the query asks for."""
        query = parse_qs(request.target.partition("?")[2])
        values = {name: float(values[0]) for name, values in query.items()}
        for name in ("size", "pieces"):
            if name in values:
                values[name] = int(values[name])
        return cls(**values)  # type: ignore[arg-type]

    def bodies(self) -> list[bytes]:
        """The pieces of the body."""
        step = -(-self.size // self.pieces)
        return [b"x" * min(step, self.size - at) for at in range(0, self.size, step)]


async def answer(peer: Peer, request: ReceivedRequest) -> None:
    """Answer with what is wanted; headers tell the client's port and the server's times."""
    received_ns = time.perf_counter_ns()
    wanted = Wanted.of(request)
    first, *rest = wanted.bodies()
    if wanted.think_ms:
        await asyncio.sleep(wanted.think_ms / 1e3)
    answered_ns = time.perf_counter_ns()
    lines = [
        "HTTP/1.1 200 OK",
        f"Content-Length: {wanted.size}",
        f"Client-Port: {peer.address[1]}",  # type: ignore[index]
        f"Received-Ns: {received_ns}",
        f"Answered-Ns: {answered_ns}",
    ]
    await peer.send("\r\n".join([*lines, "", ""]).encode() + first)
    for body in rest:
        await asyncio.sleep(wanted.pause_ms / 1e3)
        await peer.send(body)


async def serve(control: socket.socket, directory: int) -> None:
    """Serve until the control socket is closed."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    at = f"/proc/self/fd/{directory}"
    context.load_cert_chain(f"{at}/certificate.pem", f"{at}/key.pem")
    script = per_request(answer)
    async with (
        ScriptedServer(script, host=SERVER_ADDRESS) as plain,
        ScriptedServer(script, host=SERVER_ADDRESS, ssl=context) as secure,
    ):
        control.setblocking(False)
        await loop.sock_sendall(control, json.dumps([plain.port, secure.port]).encode())
        await loop.sock_recv(control, 1)


def main() -> None:
    """Run the server."""
    control, namespace, directory = (int(argument) for argument in sys.argv[1:])
    enter(namespace)
    gc.disable()
    be_real_time(SERVER)
    asyncio.run(serve(socket.socket(fileno=control), directory))


if __name__ == "__main__":
    main()
