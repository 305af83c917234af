"""Run libraries that do ``import aiohttp`` on httptrace.

Call `use_httptrace_as_aiohttp()` before the first import of such a library::

    from alias import use_httptrace_as_aiohttp

    use_httptrace_as_aiohttp()

    import aiodocker

From then on ``import aiohttp`` gives httptrace, and ``aiohttp.X`` gives ``httptrace.X``. aiohttp's
server stays aiohttp's: ``aiohttp.web``, all ``aiohttp.web_*`` and, unless httptrace has a module of
that name, ``aiohttp.test_utils``. Any other module of aiohttp raises `ModuleNotFoundError` when it is
imported: no part of aiohttp's client is used without notice.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import httptrace


class _Aiohttp(ModuleType):
    """Stands for the package ``aiohttp``."""

    __path__: list[str] = []  # a package, whose modules are those in sys.modules

    def __getattr__(self, name: str) -> Any:
        return getattr(httptrace, name)


def use_httptrace_as_aiohttp() -> None:
    """Let every later ``import aiohttp`` find httptrace."""
    aiohttp = importlib.import_module("aiohttp")
    if isinstance(aiohttp, _Aiohttp):
        return
    web = importlib.import_module("aiohttp.web")
    importlib.import_module("aiohttp.test_utils")
    for name in [name for name in sys.modules if name.startswith("aiohttp.")]:
        _replace(name, name.removeprefix("aiohttp."))
    package = _Aiohttp("aiohttp", httptrace.__doc__)
    package.__dict__.update(__all__=httptrace.__all__, __version__=aiohttp.__version__, web=web)
    sys.modules["aiohttp"] = package


def _replace(name: str, short: str) -> None:
    if short.startswith("web"):
        return
    if find_spec(f"httptrace.{short.partition('.')[0]}") and "." not in short:
        sys.modules[name] = importlib.import_module(f"httptrace.{short}")
    elif short != "test_utils":
        del sys.modules[name]
