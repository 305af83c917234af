"""The end of uploads: files are closed, generators and trackers end; and 100 Continue."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.servers.fixtures import ScriptedFactory

import httptrace
from httptrace import ClientSession, FormData, MultipartWriter, UploadTracker
from httptrace.testing import response_bytes
from httptrace.testing.peer import Peer

from .uploading import BIG, OK, sent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A large file."""
    path = tmp_path / "big.bin"
    path.write_bytes(BIG)
    return path


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "alone": lambda file: file,
    "dict": lambda file: {"file": file},
    "form": lambda file: _form_with(file),
    "multipart": lambda file: _multipart_with(file),
}


def _form_with(file: Any) -> FormData:
    fields = FormData()
    fields.add_field("file", file)
    return fields


def _multipart_with(file: Any) -> MultipartWriter:
    writer = MultipartWriter()
    writer.append(file)
    return writer


async def _never(peer: Peer) -> None:
    await peer.read_head()
    await peer.hang()


async def closed(file: Any) -> None:
    """Wait until the file is closed, which a thread does."""
    async with asyncio.timeout(5):
        while not file.closed:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("ending", ["answer", "early answer", "redirect", "refused", "cancelled"])
@pytest.mark.parametrize("holder", HOLDERS)
async def test_files_are_closed(
    session: ClientSession, scripted: ScriptedFactory, path: Path, holder: str, ending: str
) -> None:
    """A file that was given as a body is closed when the request ends, in every way."""

    async def redirect(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(307, b"", ("Location", "/there")))
        await peer.request()
        await peer.send(OK)
        await peer.until_closed()

    async def early(peer: Peer) -> None:
        await peer.read_head()
        peer.pause_reading()
        await peer.send(OK)
        await peer.events["done"].wait()

    script = {"redirect": redirect, "early answer": early, "cancelled": _never}.get(ending, OK)
    server = await scripted(script)  # type: ignore[arg-type]
    file = path.open("rb")
    data = HOLDERS[holder](file)
    if ending == "refused":
        with pytest.raises(httptrace.ClientConnectorError):
            await session.post("http://127.0.0.1:1/", data=data)
    elif ending == "cancelled":
        sending = asyncio.create_task(session.post(server.url, data=data))
        await server.received()
        sending.cancel()
        await asyncio.wait([sending])
    else:
        await sent(session, server, data=data)
    await closed(file)
    server.events["done"].set()


async def test_a_request_that_does_not_begin(scripted: ScriptedFactory, path: Path) -> None:
    """If a listener's context cannot be created, nothing is sent, and the body is closed."""
    server = await scripted(OK)

    def broken(**_given: object) -> None:
        raise LookupError

    config = httptrace.TraceConfig(broken)
    file, tracker = path.open("rb"), UploadTracker()
    async with ClientSession(trace_configs=[config]) as session:
        with pytest.raises(LookupError):
            await session.post(server.url, data=file, upload_tracker=tracker)
        await closed(file)
    assert isinstance(tracker.upload_complete.exception(), httptrace.UploadAbortedError)
    assert server.requests == []


async def test_memory_is_not_closed(session: ClientSession, scripted: ScriptedFactory) -> None:
    """A BytesIO is not closed, nor read from its beginning again."""
    server = await scripted(OK)
    file = io.BytesIO(b"not this, this")
    file.seek(10)
    assert (await sent(session, server, data=file)).body == b"this"
    assert not file.closed


@pytest.mark.parametrize("status", [200, 413])
async def test_generator_that_is_no_longer_wanted(
    session: ClientSession, scripted: ScriptedFactory, status: int
) -> None:
    """A complete response ends a body that never continues, and its cleanup has run."""
    ended = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        try:
            yield b"some"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def early(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.is_chunked
        await peer.send(response_bytes(status, b"enough"))
        await peer.until_closed()

    server = await scripted(early)
    tracker = UploadTracker()
    async with session.post(server.url, data=waiting(), upload_tracker=tracker) as response:
        assert (response.status, await response.read()) == (status, b"enough")
    async with asyncio.timeout(5):
        await ended.wait()
    with pytest.raises(httptrace.UploadAbortedError):
        tracker.upload_complete.result()


async def test_body_that_was_cancelled_itself(
    session: ClientSession, scripted: ScriptedFactory
) -> None:
    """A body whose source was cancelled fails the request, but does not cancel it."""

    async def cancelled() -> AsyncIterator[bytes]:
        yield b"some"
        source: asyncio.Task[None] = asyncio.create_task(asyncio.sleep(60))
        source.cancel()
        await source

    server = await scripted(_never)
    with pytest.raises(httptrace.ClientConnectionError, match="could not be sent whole") as caught:
        async with asyncio.timeout(5):
            await session.post(server.url, data=cancelled())
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)


# --- followed -------------------------------------------------------------------------------------


async def test_tracker(session: ClientSession, scripted: ScriptedFactory, path: Path) -> None:
    """A tracker counts bytes and attempts over redirects, and completes with the final response."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response_bytes(307, b"", ("Location", "/there")))
        await peer.request()
        await peer.events["go"].wait()
        await peer.send(OK)
        await peer.until_closed()

    server = await scripted(script)
    tracker = UploadTracker()
    assert (tracker.attempts, tracker.bytes_written) == (0, 0)
    sending = asyncio.create_task(
        sent(session, server, data=path.open("rb"), upload_tracker=tracker)
    )
    await server.received(2)
    while tracker.bytes_written < len(BIG):
        assert not sending.done()
        await asyncio.sleep(0)
    assert tracker.attempts == 2 and not tracker.upload_complete.done()
    server.events["go"].set()
    assert (await sending).body == BIG
    assert (tracker.attempts, tracker.bytes_written) == (2, len(BIG))
    assert tracker.upload_complete.result() is None
    with pytest.raises(RuntimeError, match="one request"):
        await session.post(server.url, data=b"x", upload_tracker=tracker)


async def test_tracker_of_a_failure(session: ClientSession, scripted: ScriptedFactory) -> None:
    """The tracker of a failed request has the bytes that were sent, and the error."""

    async def script(peer: Peer) -> None:
        await peer.read_head()
        await peer.read_until(b"some")
        peer.reset()

    async def body() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.Event().wait()

    server = await scripted(script)
    tracker = UploadTracker()
    with pytest.raises(httptrace.ClientConnectionError) as caught:
        await session.post(server.url, data=body(), upload_tracker=tracker)
    assert (tracker.attempts, tracker.bytes_written) == (1, 4)
    with pytest.raises(httptrace.UploadAbortedError) as aborted:
        await tracker.upload_complete
    assert aborted.value.__cause__ is caught.value


# --- 100 Continue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [100, 307, 413])
async def test_file_is_not_read_before_100(
    session: ClientSession, scripted: ScriptedFactory, path: Path, status: int
) -> None:
    """With expect100= the file is not read before the server sends 100."""

    async def script(peer: Peer) -> None:
        request = await peer.read_head()
        peer.events["asked"].set()
        await peer.events["go"].wait()
        if status != 100:
            location = [("Location", second.url)] if status == 307 else []
            await peer.send(response_bytes(status, b"", *location))
            await peer.until_closed()
            return
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        await peer.send(OK)
        await peer.until_closed()

    async def takes_it(peer: Peer) -> None:
        request = await peer.read_head()
        assert request.expects_continue
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.read_body(request)
        await peer.send(OK)
        await peer.until_closed()

    server, second = await scripted(script), await scripted(takes_it)
    file = path.open("rb")
    sending: Awaitable[Any] = asyncio.create_task(_status(session, server.url, file))
    await server.events["asked"].wait()
    assert file.tell() == 0
    server.events["go"].set()
    assert await sending == (413 if status == 413 else 200)
    await closed(file)
    assert server.requests[0].body == (BIG if status == 100 else b"")
    if status == 307:
        assert second.requests[0].body == BIG


async def _status(session: ClientSession, url: str, file: Any) -> int:
    async with session.post(url, data=file, expect100=True) as response:
        return response.status
