"""A client process: one peer on one loop, told what to do by lines of JSON.

`python -m benchmarks.client '{"peer": ..., "loop": ..., "host": ..., "port": ...}'` answers with a
line when the peer is open (or missing), then does one job for each line it reads, and answers each
with a line of figures. Between jobs the loop stands still, so a waiting peer costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tracemalloc
from typing import Any

from . import cores, jobs, loops, peers
from .peers.base import Peer, Setup


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def make(order: dict[str, Any]) -> Peer:
    setup = Setup(
        order["host"],
        order["port"],
        order.get("limit", 100),
        order.get("signals", False),
        order.get("moments", 0),
        order.get("observer", False),
    )
    return peers.load(order["peer"])(setup)


def obey(peer: Peer, loop: asyncio.AbstractEventLoop) -> None:
    """Do each job that is asked for until standard input closes."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            say(loop.run_until_complete(jobs.run(peer, order.pop("job"), order)))
        except Exception as error:
            say({"failed": f"{type(error).__name__}: {error}"})


def main() -> None:
    order = json.loads(sys.argv[1])
    cores.pin(cores.CLIENT)
    cores.raise_file_limit()
    if order.get("tracemalloc"):
        tracemalloc.start()
    try:
        loop = loops.new_loop(order["loop"])
        peer = make(order)
        loop.run_until_complete(peer.open())
    except ImportError as error:
        say({"missing": str(error)})
        return
    except Exception as error:
        say({"failed": f"{type(error).__name__}: {error}"})
        return
    say({"ready": True})
    obey(peer, loop)
    loop.run_until_complete(peer.close())


if __name__ == "__main__":
    main()
