"""`use_httptrace_as_aiohttp()`: what ``import aiohttp`` finds after it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
BEGINNING = """
import sys
import httptrace
from ecosystem.alias import use_httptrace_as_aiohttp
use_httptrace_as_aiohttp()
use_httptrace_as_aiohttp()
"""


@pytest.mark.parametrize(
    "code",
    [
        "import aiohttp; assert aiohttp.ClientSession is httptrace.ClientSession",
        "from aiohttp import ClientError; assert ClientError is httptrace.ClientError",
        "import aiohttp.client_exceptions as e; assert e is httptrace.client_exceptions",
        "from aiohttp.abc import AbstractResolver as a; assert a is httptrace.AbstractResolver",
        "from aiohttp import hdrs; assert hdrs is httptrace.hdrs",
        "from aiohttp import web; assert web.Application.__module__ == 'aiohttp.web_app'",
        "from aiohttp.web_app import Application as a; from aiohttp import web;"
        " assert a is web.Application",
        "import aiohttp; from importlib.metadata import version as v;"
        " assert aiohttp.__version__ == v('aiohttp')",
        "from aiohttp import *; assert ClientSession is httptrace.ClientSession",
        "import aiohttp; aiohttp.mark = 1; import aiohttp as again; assert again.mark == 1",
        "import aiohttp; assert not hasattr(aiohttp, 'no_such_name')",
    ],
)
def test_an_import_finds(code: str) -> None:
    """Names and modules are httptrace's, the server aiohttp's; attributes can be set."""
    subprocess.run([sys.executable, "-c", BEGINNING + code], check=True, cwd=ROOT)


def test_no_module_of_aiohttps_client_is_left() -> None:
    """Every client module of aiohttp is httptrace's or cannot be imported."""
    code = """
import importlib
from aiohttp import web
for name in ("client", "client_proto", "client_reqrep", "connector", "http_parser", "streams"):
    try:
        module = importlib.import_module("aiohttp." + name)
    except ModuleNotFoundError:
        continue
    assert module.__name__ == "httptrace." + name, module
"""
    subprocess.run([sys.executable, "-c", BEGINNING + code], check=True, cwd=ROOT)


def test_aiohttps_server_works() -> None:
    """A server of aiohttp.web answers a request of httptrace in the same program."""
    code = """
import asyncio
import aiohttp
from aiohttp import web
from httptrace.testing import TestServer

async def hello(request):
    return web.Response(text="hello")

async def main():
    app = web.Application()
    app.router.add_get("/", hello)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url("/")) as response:
            assert response.timeline.total > 0
            assert await response.text() == "hello"

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", BEGINNING + code], check=True, cwd=ROOT)
