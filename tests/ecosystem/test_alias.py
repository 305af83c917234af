"""`use_httptrace_as_aiohttp()`: what ``import aiohttp`` imports after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BEGINNING = """
import sys
import httptrace
from ecosystem.alias import use_httptrace_as_aiohttp
use_httptrace_as_aiohttp()
use_httptrace_as_aiohttp()
"""


def run(code: str) -> None:
    """Run code in a Python in which the alias is installed."""
    subprocess.run([sys.executable, "-c", BEGINNING + code], check=True, cwd=ROOT)


def test_an_import_finds_httptrace() -> None:
    """Names and modules are httptrace's, the server is aiohttp's; attributes can be set."""
    run("""
from importlib.metadata import version
import aiohttp
assert aiohttp.ClientSession is httptrace.ClientSession
assert aiohttp.__version__ == version("aiohttp")
assert not hasattr(aiohttp, "no_such_name")
from aiohttp import ClientError, hdrs, web
assert ClientError is httptrace.ClientError
assert hdrs is httptrace.hdrs
assert web.Application.__module__ == "aiohttp.web_app"
from aiohttp.web_app import Application
assert web.Application is Application
import aiohttp.client_exceptions as errors
assert errors is httptrace.client_exceptions
from aiohttp.abc import AbstractResolver
assert AbstractResolver is httptrace.AbstractResolver
from aiohttp import *
assert ClientSession is httptrace.ClientSession
aiohttp.mark = 1
import aiohttp as again
assert again.mark == 1
""")


def test_no_module_of_aiohttps_client_is_left() -> None:
    """Every client module of aiohttp is httptrace's or cannot be imported."""
    run("""
import importlib
from aiohttp import web
for name in ("client", "client_proto", "client_reqrep", "connector", "http_parser", "streams"):
    try:
        module = importlib.import_module("aiohttp." + name)
    except ModuleNotFoundError:
        continue
    assert module.__name__ == "httptrace." + name, module
""")


def test_aiohttps_server_works() -> None:
    """A server of aiohttp.web in the same program responds, also with a payload of httptrace."""
    run("""
import asyncio
import aiohttp
from aiohttp import web
from httptrace.testing import TestServer

async def hello(request):
    return web.Response(body=aiohttp.StringPayload("hello", content_type="text/plain"))

async def main():
    app = web.Application()
    app.router.add_get("/", hello)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url("/")) as response:
            assert response.timeline.total > 0
            assert await response.text() == "hello"

asyncio.run(main())
""")
