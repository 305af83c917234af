"""A buffer of bytes that were received and not read."""

from __future__ import annotations

from collections import deque


class Buffer:
    """A queue of bytes. `size` counts the bytes in it, `taken` those that were taken so far."""

    __slots__ = ("_blocks", "_offset", "size", "taken")

    def __init__(self) -> None:
        self._blocks: deque[bytes] = deque()
        self._offset = 0  # bytes of the first block that were taken
        self.size = 0
        self.taken = 0

    def add(self, block: bytes) -> None:
        """Append a block, which must not be empty."""
        self._blocks.append(block)
        self.size += len(block)

    def put_back(self, data: bytes) -> None:
        """Put data before the first byte. It must not be empty."""
        self._cut_off()
        self._blocks.appendleft(data)
        self.size += len(data)
        self.taken -= len(data)

    def take(self, n: int) -> bytes:
        """Remove and return up to `n` bytes."""
        end = self._offset + n
        if n >= self.size:
            data = self._take_all()
        elif end < len(self._blocks[0]):
            data = self._blocks[0][self._offset : end]
            self._offset = end
        else:
            data = self._take_some(n)
        self.size -= len(data)
        self.taken += len(data)
        return data

    def find(self, separator: bytes, start: int) -> int:
        """The position of `separator` from the first byte; -1 if it is not there.

        Positions before `start` are not searched.
        """
        overlap, offset = len(separator) - 1, self._offset
        position = -offset
        before = b""
        for block in self._blocks:
            if position + len(block) > start:
                across = (before + block[:overlap]).find(separator) if before else -1
                if across >= 0:
                    return position - len(before) + across
                found = block.find(separator, max(offset, start - position))
                if found >= 0:
                    return position + found
            if overlap:
                before = (before + block[max(offset, len(block) - overlap) :])[-overlap:]
            position += len(block)
            offset = 0
        return -1

    def _take_all(self) -> bytes:
        self._cut_off()
        data = self._blocks[0] if len(self._blocks) == 1 else b"".join(self._blocks)
        self._blocks.clear()
        return data

    def _take_some(self, n: int) -> bytes:
        self._cut_off()
        parts: list[bytes] = []
        while n:
            block = self._blocks[0]
            if n < len(block):
                parts.append(block[:n])
                self._offset = n
                break
            parts.append(self._blocks.popleft())
            n -= len(block)
        return b"".join(parts)

    def _cut_off(self) -> None:
        """Drop the part of the first block that was taken; `take` does not, to avoid a copy."""
        if self._offset:
            self._blocks[0] = self._blocks[0][self._offset :]
            self._offset = 0
