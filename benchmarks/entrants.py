"""Who takes part in a scenario: a client, on a loop, in one of its forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import loops
from .processes import Client

ON_ONE_LOOP = {"floor": loops.UVLOOP}
"""The floor is defined on uvloop; elsewhere it would be another floor."""


@dataclass(frozen=True)
class Entrant:
    """One line of a table. `form` tells apart two lines of the same client, if there are two."""

    peer: str
    loop: str
    form: str = ""

    @property
    def key(self) -> str:
        """Name the line, in the table, in the JSON and in the bars."""
        return "/".join(part for part in (self.peer, self.loop, self.form) if part)

    def start(self, port: int, **options: Any) -> Client:
        """Start the client's process; Missing if it cannot be had here."""
        return Client(self.peer, self.loop, port, **options)


def every(
    names: tuple[str, ...], on: tuple[str, ...], forms: tuple[str, ...] = ("",)
) -> list[Entrant]:
    """Return each client on each loop that it can use, in each form."""
    return [
        Entrant(name, loop, form)
        for name in names
        for loop in on
        if ON_ONE_LOOP.get(name, loop) == loop
        for form in forms
    ]
