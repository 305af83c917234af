"""What ``help(httptrace)`` shows: the guide of the package, not every class in full."""

from __future__ import annotations

import sys
from types import ModuleType


class Package(ModuleType):
    """The type of the package's module object.

    pydoc prints every class that ``__all__`` names with all its members, which is ten thousand
    lines. So the function of pydoc that describes modules gets an empty ``__all__``.
    """

    @property
    def __all__(self) -> list[str]:
        names: list[str] = self.__dict__["__all__"]
        return [] if sys._getframe(1).f_code.co_name == "docmodule" else names
