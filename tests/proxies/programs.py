"""Real proxies of other projects, each in its own process on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

USER, PASSWORD = "user", "secret"
_SEARCH = f"{os.environ.get('PATH', '')}:/usr/sbin"


_PPROXY = """
import asyncio, sys
sys.modules["uvloop"] = None  # which has no loop yet when it is asked for one
asyncio.set_event_loop(asyncio.new_event_loop())
from pproxy.server import main
main()
"""


class ProxyMissing(RuntimeError):
    """The program is not installed."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[int]:
    """Run it until the block ends; yields the port once it listens there."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            _wait(process, port, log)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not start: {log.read_text()}")


def program(name: str) -> str:
    """The path of a program of the system."""
    path = shutil.which(name, path=_SEARCH)
    if path is None:
        raise ProxyMissing(f"{name} is not installed")
    return path


def module(name: str) -> str:
    """A Python that has the module."""
    if find_spec(name) is None:
        raise ProxyMissing(f"the package of {name} is not installed")
    return sys.executable


# --- each of them ---------------------------------------------------------------------------------


def tinyproxy(directory: Path, *, login: bool) -> contextlib.AbstractContextManager[int]:
    """An HTTP proxy."""
    port, auth = free_port(), f"BasicAuth {USER} {PASSWORD}\n" if login else ""
    settings = directory / "tinyproxy.conf"
    settings.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\n{auth}")
    command = [program("tinyproxy"), "-d", "-c", str(settings)]
    return running(command, port, directory / "tinyproxy.log")


def microsocks(directory: Path, *, login: bool) -> contextlib.AbstractContextManager[int]:
    """A SOCKS5 proxy."""
    port, auth = free_port(), ["-u", USER, "-P", PASSWORD] if login else []
    command = [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), *auth]
    return running(command, port, directory / "microsocks.log")


def dante(directory: Path) -> contextlib.AbstractContextManager[int]:
    """A SOCKS4 and SOCKS5 proxy."""
    port, settings = free_port(), directory / "danted.conf"
    settings.write_text(
        f"internal: 127.0.0.1 port = {port}\nexternal: lo\nlogoutput: stderr\n"
        "clientmethod: none\nsocksmethod: none\n"
        "client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n".replace("{{", "{").replace("}}", "}")
        + "socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
    )
    command = [program("danted"), "-f", str(settings), "-p", str(directory / "danted.pid")]
    return running(command, port, directory / "danted.log")


def pproxy(directory: Path) -> contextlib.AbstractContextManager[int]:
    """One port that speaks SOCKS4, SOCKS4a, SOCKS5 and HTTP."""
    port = free_port()
    listen = f"socks4+socks5+http://127.0.0.1:{port}"
    command = [module("pproxy"), "-c", _PPROXY, "-l", listen]
    return running(command, port, directory / "pproxy.log")


def proxy_py(directory: Path, *, secure: bool) -> contextlib.AbstractContextManager[int]:
    """An HTTP proxy, over TLS if wanted: with certificate.pem and key.pem of the directory."""
    port = free_port()
    command = [module("proxy"), "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port)]
    command += ["--num-workers", "1", "--num-acceptors", "1", "--log-level", "WARNING"]
    command += ["--data-dir", str(directory)]
    if secure:
        command += ["--cert-file", str(directory / "certificate.pem")]
        command += ["--key-file", str(directory / "key.pem")]
    return running(command, port, directory / "proxy.py.log")
