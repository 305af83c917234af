"""Runs one script in the Python that has its library: ``python -m ecosystem.child NAME``.

The last line that it prints is JSON: the library's version and the failures. On httptrace these
count as failures too: the library made aiohttp's own session, or httptrace saw no request.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .alias import use_httptrace_as_aiohttp
from .library import Library, library

SECONDS = 60
"""How long one step of a script may take."""


def main(name: str, on: str) -> None:
    """Run the script's steps and print how they ended."""
    os.environ["ECOSYSTEM_ON"] = on
    chosen = library(name)
    watch = _watch(chosen) if on == "httptrace" else None
    failures = _failures(name)
    if watch and chosen.sends and not failures and not watch.requests:
        failures.append(("", "httptrace saw no request", ""))
    version = importlib.metadata.version(chosen.project)
    print(json.dumps({"version": version, "failures": failures}), flush=True)
    os._exit(0)  # threads of servers and of libraries do not keep it


def _watch(chosen: Library) -> Any:
    """Put httptrace under the library; gives what hears the requests."""
    import aiohttp

    import httptrace
    from httptrace.testing import EventRecorder

    aiohttp.ClientSession.__init__ = _refuse  # type: ignore[method-assign]
    if chosen.way == "alias":
        use_httptrace_as_aiohttp()
    recorder = EventRecorder()
    httptrace.install(recorder)
    return recorder


def _refuse(*args: object, **kwargs: object) -> None:
    raise RuntimeError("aiohttp's own ClientSession was used")


def _failures(name: str) -> list[tuple[str, str, str]]:
    """Step, first line and traceback of each failure."""
    try:
        module = importlib.import_module(f"ecosystem.libraries.{name}")
    except Exception as error:
        return [_failure("import", error)]
    found = []
    for step in _steps(module):
        try:
            _run(step)
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            found.append(_failure(step.__name__, error))
    return found


def _steps(module: ModuleType) -> list[Callable[[], Any]]:
    return [value for key, value in vars(module).items() if key.startswith("test_")]


def _run(step: Callable[[], Any]) -> None:
    if not inspect.iscoroutinefunction(step):
        step()
        return
    reported: list[BaseException] = []

    async def watched() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: _keep(reported, loop, context))
        async with asyncio.timeout(SECONDS):
            await step()

    try:
        asyncio.run(watched())
    finally:
        if reported:
            raise reported[0]  # what came first is the cause of what the step met


def _keep(
    reported: list[BaseException], loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Errors in callbacks and in tasks that nobody awaits count; warnings of garbage do not."""
    if context.get("exception") is not None:
        reported.append(context["exception"])


def _failure(step: str, error: BaseException) -> tuple[str, str, str]:
    lines = str(error).strip().splitlines() or [""]
    text = f"{type(error).__name__}: {lines[0]}".rstrip(": ")
    return step, text, "".join(traceback.format_exception(error))


if __name__ == "__main__":
    main(*sys.argv[1:3])
