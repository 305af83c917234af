"""``python -m httptrace.demo``: requests to bundled servers that show every phase.

The timeline of each scene is checked; the exit code is 1 if one is not as expected. With ``--serve
PORT`` the servers keep running, for your own requests.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from ..cli.failures import failure_of
from ..cli.terminal import Terminal, close_quietly
from ..trace.events import (
    TraceConnectionQueuedStartParams,
    TraceRequestExceptionParams,
    TraceRequestRetryParams,
    TraceResponseInformationalParams,
)
from ..trace.observer import Recording, record
from ..trace.waterfall import draw
from . import servers as servers_module
from .scenes import SCENES, Scene, Stage, stage
from .servers import BundledServers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..trace.events import Event
    from ..trace.timeline import Timeline


def main(argv: Sequence[str] | None = None) -> int:
    """Run all scenes, or the servers. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m httptrace.demo")
    parser.add_argument(
        "--serve", type=int, metavar="PORT", help="only run the servers, on this port"
    )
    port = parser.parse_args(argv).serve
    try:
        return asyncio.run(_play_all(Terminal(sys.stdout)) if port is None else _serve(port))
    except KeyboardInterrupt:
        return 130
    except (OSError, ImportError) as exc:  # the port is taken, or an extra is not installed
        where = f"port {port}: " if port and isinstance(exc, OSError) else ""
        print(f"httptrace.demo: {where}{getattr(exc, 'strerror', None) or exc}", file=sys.stderr)
        return 1
    finally:
        close_quietly()


_ELSEWHERE = """\
and at other addresses:

    {servers.https}    the same over TLS, with --cacert {servers.ca_path}
    {servers.expired}    a certificate that has expired
    {servers.hang}     accepts connections and never responds
    {servers.refused}     refuses connections
    --unix-socket {servers.unix_path}
"""


async def _serve(port: int) -> int:
    async with BundledServers(port) as servers:
        paths = (servers_module.__doc__ or "").partition("alike (times in seconds):\n\n")[2]
        print(f"{servers.http.replace('127.0.0.1', 'localhost')} answers, until Ctrl-C:\n\n{paths}")
        print(_ELSEWHERE.format(servers=servers), flush=True)
        await asyncio.Event().wait()
    return 0


async def _play_all(terminal: Terminal) -> int:
    wrong: list[str] = []
    async with stage() as where:
        for number, scene in enumerate(SCENES, 1):
            terminal.title(f"{number}. {scene.title}", scene.look)
            timelines = await _play(scene, where, terminal)
            if not _is_right(scene, timelines):
                wrong.append(f"{number}. {scene.title}")
    for title in wrong:
        print(f"not as expected: {title}", file=sys.stderr)
    if not wrong:
        terminal.say("All timelines are as expected. Try your own servers: httptrace URL")
    return 1 if wrong else 0


async def _play(scene: Scene, where: Stage, terminal: Terminal) -> list[Timeline]:
    with record() as recording:
        await scene.play(where)
    timelines = recording.timelines
    drawn = "\n\n".join(draw(timeline, terminal.columns) for timeline in timelines)
    terminal.say("\n".join([drawn, *_remarkable(recording)]) + "\n")
    return timelines


def _is_right(scene: Scene, timelines: list[Timeline]) -> bool:
    """Whether the timeline is as expected, and all phases add up to the total."""
    whole = all(one.complete and sum(one.phases_ns.values()) == one.total_ns for one in timelines)
    return bool(timelines) and whole and scene.is_right(timelines[-1])


# --- events that are printed --------------------------------------------------------------------


def _remarkable(recording: Recording) -> list[str]:
    """A line for each event that the waterfall does not show, in order."""
    start_ns = {one.request_id: one.start_ns for one in recording.timelines}
    lines: list[str] = []
    for event in recording.events:
        text = _words(event)
        if text:
            after = (event.time_ns - start_ns[event.request_id]) / 1e6
            lines.append(f"  * after {after:.1f} ms {text}")
    return lines


def _words(event: Event) -> str:
    match event:
        case TraceConnectionQueuedStartParams():
            return f"{event.name}: {event.limit} is reached, {event.position} are waiting before it"
        case TraceRequestExceptionParams():
            return f"{event.name}: {failure_of(event.exception, event.phase)}"
        case TraceRequestRetryParams():
            return f"{event.name}: {event.reason} ({event.exception})"
        case TraceResponseInformationalParams():
            fields = ", ".join(f"{name}: {value}" for name, value in event.headers.items())
            return f"{event.name}: {event.status} {fields}"
        case _:
            return ""


if __name__ == "__main__":
    sys.exit(main())
