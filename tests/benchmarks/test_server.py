"""The server that the benchmarks measure against."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from benchmarks import processes


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with processes.Server() as server:
        yield server.port


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(processes.HOST, port, timeout=10)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("target", "size"), [("/small", 40), ("/64k", 65536), ("/stream?size=3000000", 3000000)]
)
def test_bodies_have_their_size(
    connection: http.client.HTTPConnection, target: str, size: int
) -> None:
    """A body has the length in the request target, also on a reused connection."""
    for _ in range(2):
        connection.request("GET", target)
        assert len(connection.getresponse().read()) == size


def test_small_answer_has_the_usual_headers(connection: http.client.HTTPConnection) -> None:
    """The small answer has the five headers that any server sends."""
    connection.request("GET", "/small")
    response = connection.getresponse()
    response.read()
    names = {name for name, _ in response.getheaders()}
    assert names == {"Server", "Date", "Content-Type", "Content-Length", "Connection"}


def test_echo_returns_the_body(connection: http.client.HTTPConnection) -> None:
    """The echo returns the posted body, even if head and body arrive separately."""
    connection.request("POST", "/echo", body=b'{"a": 1}')
    assert connection.getresponse().read() == b'{"a": 1}'


@pytest.mark.parametrize("chunked", [False, True])
def test_sink_answers_after_the_last_byte(
    connection: http.client.HTTPConnection, chunked: bool
) -> None:
    """The sink reads a body with a length or in chunks, and then the next request."""
    pieces = [b"x" * 65536] * 8
    body = iter(pieces) if chunked else b"".join(pieces)
    for given in (body, b"x" * 524288):
        connection.request("POST", "/sink?size=524288", body=given, encode_chunked=False)
        assert len(connection.getresponse().read()) == 40


def test_hold_answers_when_all_are_there(port: int) -> None:
    """Held requests are answered together, once the requested number of them is held."""
    sizes: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(processes.HOST, port, timeout=10)
        connection.request("GET", "/hold?count=3")
        sizes.append(len(connection.getresponse().read()))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads[:2]:
        thread.start()
    assert not sizes
    threads[2].start()
    for thread in threads:
        thread.join()
    assert sizes == [40, 40, 40]
