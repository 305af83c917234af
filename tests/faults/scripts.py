"""Server scripts: the path of a request says how its response fails."""

from __future__ import annotations

from httptrace.testing.peer import Peer
from httptrace.testing.received import ReceivedRequest
from httptrace.testing.scripted import per_request

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 5\r\n\r\n"
WHOLE = HEAD + b"hello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\n"
)
RESPONSES = {"length": WHOLE, "chunked": CHUNKED}


async def answer(peer: Peer, request: ReceivedRequest) -> None:
    """Serve ``/``, and ``/length/7/reset``: seven bytes of that response, then a reset."""
    if request.path == "/":
        await peer.send(WHOLE)
        return
    _, kind, count, then = request.path.split("/")
    await peer.send(RESPONSES[kind][: int(count)])
    if then == "reset":
        peer.reset()
    elif then == "eof":
        peer.close()
    await peer.until_closed()


faulty = per_request(answer)
"""Script: does with each request what its path says."""
