"""Run libraries that do ``import aiohttp`` on httptrace.

Call `use_httptrace_as_aiohttp()` before the first import of such a library::

    from alias import use_httptrace_as_aiohttp

    use_httptrace_as_aiohttp()

    import aiodocker

From then on ``import aiohttp`` gives httptrace, and ``aiohttp.X`` gives ``httptrace.X``.

aiohttp's server stays: ``aiohttp.web``, every ``aiohttp.web_*`` and, as long as httptrace has no
module of that name, ``aiohttp.test_utils``. The import of any other module of aiohttp raises
`ModuleNotFoundError`: no part of aiohttp's client is used without notice.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import httptrace


class _Aiohttp(ModuleType):
    """Stands for the package ``aiohttp``."""

    def __init__(self) -> None:
        super().__init__("aiohttp", httptrace.__doc__)
        self.__path__: list[str] = []  # a package: its modules are those in sys.modules
        self.__all__ = httptrace.__all__
        self.__version__ = version("aiohttp")  # libraries compare it with aiohttp's versions
        self.web = importlib.import_module("aiohttp.web")

    def __getattr__(self, name: str) -> Any:
        return getattr(httptrace, name)


def use_httptrace_as_aiohttp() -> None:
    """Let every later ``import aiohttp`` find httptrace."""
    if isinstance(sys.modules.get("aiohttp"), _Aiohttp):
        return
    importlib.import_module("aiohttp.test_utils")  # and with it all that it needs of aiohttp
    # aiohttp.web then sends httptrace's payloads, as bodies of its responses.
    importlib.import_module("aiohttp.payload").Payload.register(httptrace.Payload)
    package = _Aiohttp()
    for name in [name for name in sys.modules if name.startswith("aiohttp.")]:
        _replace(name, name.removeprefix("aiohttp."))
    sys.modules["aiohttp"] = package


def _replace(name: str, short: str) -> None:
    if short.startswith("web"):
        return
    if "." not in short and find_spec(f"httptrace.{short}"):
        sys.modules[name] = importlib.import_module(f"httptrace.{short}")
    elif short != "test_utils":
        del sys.modules[name]
