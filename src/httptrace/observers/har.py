"""`HarFile`: requests as a HAR file (HTTP Archive 1.2), which browsers' network panels open."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..checks import flag, positive
from ..trace.call_site import call_site
from ..trace.declare import record_of
from ..version import __version__
from .bodies import BodyCapture
from .exporter import Exporter, attempts_of, wall_clock_offset_ns
from .har_entry import entry_of
from .worker import Worker

if TYPE_CHECKING:
    from ..trace.moments_call import TraceRequestFinishParams, TraceRequestStartParams
    from ..trace.moments_websocket import (
        TraceWebSocketMessageReceivedParams,
        TraceWebSocketMessageSentParams,
    )

_HEAD = (
    '{"log":{"version":"1.2","creator":{"name":"httptrace","version":'
    f'{json.dumps(__version__)}}},"pages":[],"entries":[\n'
)
_TAIL = "\n]}}\n"
_MOST_WAITING = 10_000
_AT_ONCE = 200
_INTERVAL = 0.5


class Ended(NamedTuple):
    """A request that has ended, and what was collected of it beside its events."""

    event: TraceRequestFinishParams
    bodies: dict[int, tuple[Any, Any]]
    messages: list[tuple[str, int, int, str | bytes]] | None
    """Of a WebSocket: send or receive, the time, the opcode and the data."""
    initiator: str | None


class HarFile(Exporter):
    """Writes each request to a HAR file, one entry for each hop and attempt, failed ones too.

    :param path: the file. It is written anew, readable for its owner only.
    :param bodies: how many bytes of each body, and of each WebSocket's messages, are written: they
        are decoded, and text where they are text. None: none of them.
    :param initiator: whether the line of the program that made the request is written.

    The timings are those of the timeline: they sum to the entry's `time`. A phase that an entry
    did not have is -1. Secrets in URLs and headers are masked; bodies are not. A thread writes what
    has ended, twice a second; the file is complete after each time, also if the program crashes.
    Another process that writes the same path, for instance after a fork, gets a file of its own
    with its process id in the name. `httptrace.har.load` reads the file.

    Raises
    ------
    OSError
        When the file cannot be written.
    TypeError, ValueError
        When `bodies` is not a whole number above 0.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        bodies: int | None = None,
        initiator: bool = False,
    ) -> None:
        super().__init__()
        self._writer = _Writer(Path(path), bodies or 0, self._lose)
        self._worker: Worker[Ended] = Worker(
            *("httptrace.har", self._writer, self._lose),
            interval=_INTERVAL,
            batch=_AT_ONCE,
            capacity=_MOST_WAITING,
        )
        self._bodies: BodyCapture | None = None
        self._messages: dict[int | None, list[tuple[str, int, int, str | bytes]]] = {}
        self._initiators: dict[int | None, str | None] = {}
        if bodies is not None:
            self._capture(positive("bodies", bodies))
        if flag("initiator", initiator):
            self.on_request_start = self._note_initiator  # type: ignore[method-assign]
        self._keeps = bodies is not None or initiator

    def _capture(self, limit: int) -> None:
        """Listen to bodies and messages, which other files do without."""
        self._bodies = BodyCapture(limit)
        self.on_request_chunk_sent = self._bodies.sent  # type: ignore[method-assign]
        self.on_response_chunk_received = self._bodies.received  # type: ignore[method-assign]
        self.on_websocket_message_sent = self._note_sent  # type: ignore[method-assign]
        self.on_websocket_message_received = self._note_received  # type: ignore[method-assign]

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._writer.path

    def on_request_finish(self, event: TraceRequestFinishParams) -> None:
        """Take a request that has ended."""
        if not self._keeps:
            self._worker.put(Ended(event, {}, None, None))
            return
        number = event.request_id
        bodies = {} if self._bodies is None else self._bodies.take(record_of(event))
        messages, initiator = self._messages.pop(number, None), self._initiators.pop(number, None)
        self._worker.put(Ended(event, bodies, messages, initiator))

    def _note_initiator(self, event: TraceRequestStartParams) -> None:
        self._initiators[event.request_id] = call_site()

    def _note_sent(self, event: TraceWebSocketMessageSentParams) -> None:
        self._note_message("send", event)

    def _note_received(self, event: TraceWebSocketMessageReceivedParams) -> None:
        self._note_message("receive", event)

    def _note_message(
        self,
        way: str,
        event: TraceWebSocketMessageSentParams | TraceWebSocketMessageReceivedParams,
    ) -> None:
        assert self._bodies is not None
        known = self._messages.setdefault(event.request_id, [])
        room = self._bodies.limit - sum(len(data) for *_, data in known)
        if room > 0 and event.data is not None:
            data = event.data[:room]
            if event.kind == "text" and isinstance(data, bytes):
                data = data.decode(errors="replace")
            known.append((way, event.time_ns, 1 if event.kind == "text" else 2, data))

    def flush(self) -> None:
        """Write what has ended so far. It blocks until that is done."""
        self._worker.flush()

    def close(self) -> None:
        """Write the rest, and close the file."""
        self._worker.close()


class _Writer:
    """The file. All but the constructor runs in the worker's thread."""

    def __init__(self, path: Path, limit: int, lose: Any) -> None:
        self.path, self._limit, self._lose = path, limit, lose
        self._open(path)

    def _open(self, path: Path) -> None:
        """Begin an empty file, whose end is rewritten with each batch."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locked(self._file):
            os.close(self._file)
            path = path.with_name(f"{path.stem}-{os.getpid()}{path.suffix}")
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            _locked(self._file)
        self.path, self._pid = path, os.getpid()
        self._end = len(_HEAD)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{_HEAD}{_TAIL}".encode(), 0)

    def handle(self, batch: list[Ended]) -> None:
        """Append the entries of some requests."""
        if self._pid != os.getpid():  # this process was forked: the file is its parent's
            os.close(self._file)
            self._open(self.path)
        offset_ns = wall_clock_offset_ns()
        entries = [text for ended in batch for text in self._entries(ended, offset_ns)]
        if not entries:
            return
        separator = ",\n" if self._end > len(_HEAD) else ""
        data = (separator + ",\n".join(entries)).encode()
        self._append(data)

    def _entries(self, ended: Ended, offset_ns: int) -> list[str]:
        try:
            return [
                json.dumps(entry_of(attempt, ended, offset_ns, self._limit), separators=(",", ":"))
                for attempt in attempts_of(ended.event)
            ]
        except Exception as exc:
            self._lose(1, f"a request cannot be written: {type(exc).__name__}: {exc}")
            return []

    def _append(self, data: bytes) -> None:
        """Write over the end of the file, and the end behind it; or leave the file as it was."""
        whole = data + _TAIL.encode()
        try:
            written = os.pwrite(self._file, whole, self._end)
            if written < len(whole):
                raise OSError("the disk took only a part")
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
                os.pwrite(self._file, _TAIL.encode(), self._end)
            raise
        self._end += len(data)

    def end(self) -> None:
        """Close the file."""
        if self._pid == os.getpid():
            os.close(self._file)


def _locked(file: int) -> bool:
    """Take the lock of an open file; False if another process or exporter has it."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
