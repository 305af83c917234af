"""No value of one request is seen in the next, under any server.

The server may run a request in a copy of the context of the one before: uvicorn does when a handler
reads a body that is larger than its buffer, and when requests are pipelined.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.web.processes import Client, gunicorns_worker_for_uvicorn, need, serving

APPLICATION = "tests.web.leaking_app"


def uvicorn(parser: str, loop: str):
    def command(path: str, app: str) -> list[str]:
        need("uvloop" if loop == "uvloop" else "uvicorn")
        options = ["--uds", path, "--http", parser, "--loop", loop, "--log-level", "warning"]
        return ["-m", "uvicorn", *options, f"{APPLICATION}:{app}"]

    return command


def hypercorn(worker: str):
    def command(path: str, app: str) -> list[str]:
        need("hypercorn", *(["uvloop"] if worker == "uvloop" else []))
        return ["-m", "hypercorn", "-k", worker, "--bind", f"unix:{path}", f"{APPLICATION}:{app}"]

    return command


def granian(interface: str, loop: str):
    def command(path: str, app: str) -> list[str]:
        need("granian", *(["uvloop"] if loop == "uvloop" else []))
        options = ["--interface", interface, "--loop", loop, "--uds", path, "--workers", "1"]
        return ["-m", "granian", *options, f"{APPLICATION}:{app}"]

    return command


def daphne(path: str, app: str) -> list[str]:
    need("daphne")
    return ["-m", "daphne", "-u", path, f"{APPLICATION}:{app}"]


def gunicorn_for_uvicorn(path: str, app: str) -> list[str]:
    worker = gunicorns_worker_for_uvicorn()
    return ["-m", "gunicorn", "-k", worker, "-b", f"unix:{path}", f"{APPLICATION}:{app}"]


def aiohttp_web(path: str, app: str) -> list[str]:
    return ["-m", "tests.web.leaking_aiohttp_app", path, app]


def gunicorn_for_aiohttp(path: str, app: str) -> list[str]:
    need("gunicorn")
    worker, module = "aiohttp.GunicornWebWorker", "tests.web.leaking_aiohttp_app"
    return ["-m", "gunicorn", "-k", worker, "-b", f"unix:{path}", f"{module}:{app}"]


SERVERS = {
    "uvicorn-h11-asyncio": uvicorn("h11", "asyncio"),
    "uvicorn-h11-uvloop": uvicorn("h11", "uvloop"),
    "uvicorn-httptools-asyncio": uvicorn("httptools", "asyncio"),
    "uvicorn-httptools-uvloop": uvicorn("httptools", "uvloop"),
    "hypercorn-asyncio": hypercorn("asyncio"),
    "hypercorn-uvloop": hypercorn("uvloop"),
    "granian-asyncio": granian("asgi", "asyncio"),
    "granian-uvloop": granian("asgi", "uvloop"),
    "granian-without-lifespan": granian("asginl", "asyncio"),
    "daphne": daphne,
    "gunicorn-uvicorn": gunicorn_for_uvicorn,
    "aiohttp.web": aiohttp_web,
    "gunicorn-aiohttp": gunicorn_for_aiohttp,
}


@pytest.mark.parametrize("app", ["app", "with_names"])
@pytest.mark.parametrize("server", SERVERS)
def test_no_request_sees_what_another_wrote(server, app, tmp_path: Path):
    """Each request of a connection begins with the initial values, and with its own id."""
    path = str(tmp_path / "socket")
    with serving(SERVERS[server](path, app), path, tmp_path / "log"):
        client = Client(path)
        try:
            found = large_bodies(client) + pipelined(client)
        finally:
            client.close()
    assert [each.pop("id") for each in found] == [f"id-{number}" for number in range(len(found))]
    start = {"user": None, "named": None, "settings": "of the start", "fields": {}}
    assert found == [start] * len(found)


def large_bodies(client: Client) -> list[dict]:
    """Requests with a body that fills the server's buffer, each followed by one without."""
    found = []
    for number in range(6):
        body = b"x" * 300_000 if number % 2 == 0 else b""
        method = "POST" if body else "GET"
        client.send(method, f"/?user-{number}", body, f"X-Request-ID: id-{number}\r\n")
        found.append(json.loads(client.receive().body))
    return found


def pipelined(client: Client) -> list[dict]:
    """Requests that are sent before the previous responses have arrived."""
    numbers = range(6, 18)
    for number in numbers:
        client.send("GET", f"/?user-{number}", headers=f"X-Request-ID: id-{number}\r\n")
    return [json.loads(client.receive().body) for _ in numbers]
