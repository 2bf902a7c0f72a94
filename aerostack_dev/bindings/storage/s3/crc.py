"""CRC-32C and CRC-64/NVME, which clients send by default and Python has not got.

A byte at a time, Python would need a second for 10 MB. Instead a block is one large
number, a polynomial over GF(2), and its first half is folded onto its second one: as
`x^n` and a remainder `c` of it are the same modulo the CRC's polynomial, the half times
`c` may stand for it. That takes a few dozen shifts of large numbers, at memory speed.

Both CRCs are reflected: bit 0 of a byte is its highest power, so the first byte of a
block is the lowest of a little-endian number.
"""

from __future__ import annotations

from functools import cache

BLOCK = 16 * 1024
"""Bytes folded together."""
SHORT = 64
"""Bytes from here on are folded; less is faster one by one."""

CRC32C = (0x82F63B78, 32)
CRC64NVME = (0x9A6C9329AC4BC9B5, 64)


class Crc:
    """A running CRC with `hashlib`'s methods. `kind` is (reflected polynomial, width)."""

    def __init__(self, kind: tuple[int, int]) -> None:
        self._kind = kind
        self._ones = (1 << kind[1]) - 1
        self._state = self._ones

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            if len(block) < SHORT:
                self._state = _bytewise(_table(*self._kind), self._state, block)
            else:
                self._state = self._folded(block)

    def digest(self) -> bytes:
        """The CRC of what was taken in, most significant byte first."""
        return (self._state ^ self._ones).to_bytes(self._kind[1] // 8, "big")

    def _folded(self, block: bytes) -> int:
        # Zeros before a message change nothing, so each block can have one size.
        value = int.from_bytes(block, "little") ^ self._state
        value <<= 8 * (BLOCK - len(block))
        length = 8 * BLOCK
        for half, shifts in _folds(*self._kind):
            first = value & ((1 << half) - 1)
            value >>= half
            length -= half
            for shift in shifts:
                value ^= first << shift
        return _bytewise(_table(*self._kind), 0, value.to_bytes(length // 8, "little"))


@cache
def _table(polynomial: int, width: int) -> tuple[int, ...]:
    return tuple(_times_x(byte, polynomial, 8) for byte in range(256))


@cache
def _folds(polynomial: int, width: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """(bits to fold, where the remainder that they are multiplied with has ones), in turn."""
    found: list[tuple[int, tuple[int, ...]]] = []
    length = 8 * BLOCK
    while length > 8 * SHORT:
        half = (length - width + 1) // 2 // 8 * 8
        power = _bytewise(_table(polynomial, width), 1 << (width - 1), bytes(half // 8))
        power = _times_x(power, polynomial, width - 1)
        found.append((half, tuple(bit for bit in range(width) if power >> bit & 1)))
        length -= half
    return tuple(found)


def _bytewise(table: tuple[int, ...], state: int, data: bytes) -> int:
    for byte in data:
        state = table[(state ^ byte) & 255] ^ (state >> 8)
    return state


def _times_x(value: int, polynomial: int, times: int) -> int:
    for _ in range(times):
        value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return value
