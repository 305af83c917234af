"""`Wire`: two namespaces, the relay between them, and captures at both ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .capture import Capture, Frame
from .namespaces import Namespace

CLIENT_ADDRESS, SERVER_ADDRESS = "10.77.0.1", "10.77.0.2"

_ROOT = Path(__file__).parents[2]
_ANSWER_BYTES = 1 << 16


class WireMissing(Exception):
    """This machine lets no wire be made; the text says why."""


class Wire:
    """A client's namespace and a server's one; what goes between them can be delayed and dropped.

    Raises WireMissing when it is entered, if it cannot be had here. `client` and `server` are the
    namespaces; make sockets in `client.entered()`, and start servers with `spawn`.
    """

    client: Namespace
    server: Namespace

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.client, self._at_client = _end(stack, CLIENT_ADDRESS)
            self.server, self._at_server = _end(stack, SERVER_ADDRESS)
            tuns = self.client.tun, self.server.tun
            self._control = stack.enter_context(self.spawn("tests.wire.relay", tuns))
            self.shape()
            self._stack = stack.pop_all()
        return self

    @contextmanager
    def spawn(self, module: str, descriptors: Sequence[int]) -> Iterator[socket.socket]:
        """Run a module of Python, and talk to it through a socket; it ends when that is closed.

        Its arguments are the numbers of its end of the socket and of the descriptors.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        numbers = [theirs.fileno(), *descriptors]
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", module, *map(str, numbers)],
                    cwd=_ROOT,
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    pass_fds=numbers,
                )
            try:
                yield ours
            finally:
                ours.close()
                if process.wait(timeout=10):
                    raise RuntimeError(f"{module} ended with {process.returncode}")

    def shape(
        self,
        *,
        rtt_ms: float = 0,
        rate: float | None = None,
        drop_up: Sequence[int] = (),
        drop_down: Sequence[int] = (),
    ) -> dict[str, list[int]]:
        """Set the wire up anew: half of the round trip is spent in each direction.

        `rate` is in bytes per second. `drop_up` and `drop_down` have the numbers of the segments
        that are dropped of each connection opened from now on: its segments with data in this
        direction, from 1. Returns the lengths of the segments that were dropped `up` and `down`
        until now.
        """
        lane = {"delay_ns": int(rtt_ms * 1e6 / 2), "rate": rate}
        command = {"up": {**lane, "drop": [*drop_up]}, "down": {**lane, "drop": [*drop_down]}}
        dropped: dict[str, list[int]] = ask(self._control, command)
        return dropped

    def frames(self) -> tuple[list[Frame], list[Frame]]:
        """What passed the client's device since the last call, and what passed the server's."""
        return self._at_client.drain(), self._at_server.drain()

    def packets(self) -> tuple[list[bytes], list[bytes]]:
        """The same as whole packets."""
        return self._at_client.packets(), self._at_server.packets()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()


def _end(stack: ExitStack, address: str) -> tuple[Namespace, Capture]:
    if sys.platform != "linux":
        raise WireMissing("network namespaces are Linux's")
    try:
        namespace = Namespace(address)
        stack.callback(namespace.close)
        capture = Capture(namespace)
    except OSError as error:
        raise WireMissing(f"no network namespace can be made here: {error}") from error
    stack.callback(capture.close)
    return namespace, capture


def ask(control: socket.socket, question: object) -> Any:
    """Send a JSON value to a spawned process and return its answer."""
    control.send(json.dumps(question).encode())
    answer = control.recv(_ANSWER_BYTES)
    if not answer:
        raise RuntimeError("the process at the other end has ended; see its error above")
    return json.loads(answer)
