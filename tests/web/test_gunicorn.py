"""The log lines of gunicorn's workers have the request's id, as docs/logging.md promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.web.processes import Client, gunicorns_worker_for_uvicorn, need, serving

CONFIGURATION = """
from tests.web import gunicorn_apps

logconfig_dict = gunicorn_apps.logconfig
accesslog = "-"
access_log_format = "%(m)s %(U)s %(s)s" if {asgi} else "%r %s"
"""


def lines_of(worker: str, app: str, directory: Path) -> list[str]:
    """The server's log of a request to /ok, and of one to /fail."""
    path, log = str(directory / "socket"), directory / "log"
    file = directory / "gunicorn.conf.py"
    file.write_text(CONFIGURATION.format(asgi=app == "asgi"))
    command = ["-m", "gunicorn", "-c", str(file), "-k", worker, "-b", f"unix:{path}"]
    with serving([*command, f"tests.web.gunicorn_apps:{app}"], path, log):
        client = Client(path)
        client.send("GET", "/ok", headers="X-Request-ID: first\r\n")
        assert client.receive().status == 200
        client.send("GET", "/fail", headers="X-Request-ID: second\r\n")
        answer = client.receive()
        assert answer.status == 500
        assert "x-request-id: second" in answer.head.lower()
        client.close()
    return log.read_text().splitlines()


def test_lines_of_uvicorns_worker_name_the_request(tmp_path: Path):
    """The program's line, the access lines and the line of the crash each have the id, once."""
    lines = lines_of(gunicorns_worker_for_uvicorn(), "asgi", tmp_path)
    wanted = [
        r"shop: \[/ok#first\] INFO - working",
        r'shop: \[/ok#first\] INFO - .*"GET /ok HTTP/1.1" 200.*',
        r'shop: \[/fail#second\] INFO - .*"GET /fail HTTP/1.1" 500.*',
        r"shop: \[/fail#second\] ERROR - Exception in ASGI application.*",
    ]
    assert_once(wanted, lines)


def test_lines_of_aiohttps_worker_name_the_request(tmp_path: Path):
    """The program's line, the access lines and the line of the crash each have the id, once."""
    need("gunicorn")
    lines = lines_of("aiohttp.GunicornWebWorker", "aiohttp", tmp_path)
    wanted = [
        r"shop: \[/ok#first\] INFO - working",
        r"shop: \[/ok#first\] INFO - GET /ok HTTP/1.1 200",
        r"shop: \[/fail#second\] INFO - GET /fail HTTP/1.1 500",
        r"shop: \[/fail#second\] ERROR - Error handling request.*",
    ]
    assert_once(wanted, lines)


def assert_once(patterns: list[str], lines: list[str]) -> None:
    found = {each: [line for line in lines if re.fullmatch(each, line)] for each in patterns}
    if any(len(matches) != 1 for matches in found.values()):
        pytest.fail("\n".join([f"{each}: {matches}" for each, matches in found.items()] + lines))
