"""What a hostile milter sends: right packets, damaged packets, and bytes that are nothing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.milters.peer import Wire, frame, macro_list, options

if TYPE_CHECKING:
    from random import Random

LETTERS = b"cartdsf4pyOhimbe+2-q"

STRINGS = (
    *(b"", b"X-Header", b"value", b"<a@example.org>", b"550 5.7.1 no", b"451-4.7.1 a\r\n451 b"),
    *(b"%" * 9, b"\x1b[2J\x1b]0;owned\x07", b"\xff\xfe", b"a\nb: c\n\nd", b"NOTIFY=NEVER", b"5"),
    *(b"<" * 40, b"x" * 3000, "\u202e\u2028\ud7ff".encode(), b"Received", b"\r", b" "),
)

NUMBERS = (0, 1, 2, 3, 6, 7, 255, 65535, 0x1FF, 0x1FFFFF, 2**31 - 1, 2**31, 2**32 - 1)


class Noise:
    """Draws from *random*, so that a seed tells a whole session."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def valid(self) -> bytes:
        """Return a packet that is rightly written, though perhaps out of place."""
        random = self._random
        letter = random.choice(LETTERS).to_bytes(1, "big")
        number = struct.pack(">I", random.choice(NUMBERS))
        text = [random.choice(STRINGS).replace(b"\0", b"") for _ in range(2)]
        data = {
            b"y": text[0] + b"\0",
            b"h": b"X-A\0" + text[1] + b"\0",
            b"i": number + b"X-A\0" + text[1] + b"\0",
            b"m": number + b"X-A\0" + text[1] + b"\0",
            b"b": text[0] * random.randrange(4),
            b"e": text[0] + b"\0",
            b"+": text[0] + b"\0",
            b"2": text[0] + b"\0" + text[1] + b"\0",
            b"-": text[0] + b"\0",
            b"q": text[0] + b"\0",
            b"O": struct.pack(">III", *random.choices(NUMBERS, k=3)),
        }.get(letter, b"")
        return frame(letter, data)

    def damaged(self) -> bytes:
        """Return a packet with some bytes changed, left out, doubled or put in."""
        random = self._random
        packet = bytearray(self.valid())
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(packet) + 1)
            match random.randrange(4):
                case 0:
                    packet[at : at + 1] = random.randbytes(1)
                case 1:
                    del packet[at : at + random.randrange(9)]
                case 2:
                    packet[at:at] = packet[at : at + random.randrange(9)]
                case 3:
                    packet[at:at] = random.randbytes(random.randrange(9))
        return bytes(packet)

    def garbage(self) -> bytes:
        """Return bytes that are nothing."""
        return self._random.randbytes(self._random.randrange(1, 400))

    def sealed_garbage(self) -> bytes:
        """Return a packet of a true length whose contents are nothing."""
        random = self._random
        return frame(
            random.choice(LETTERS).to_bytes(1, "big"), random.randbytes(random.randrange(60))
        )

    def anything(self) -> bytes:
        """Return one of the above."""
        kinds = (self.valid, self.valid, self.damaged, self.sealed_garbage, self.garbage)
        return self._random.choice(kinds)()

    def opening(self) -> bytes:
        """Return an answer to the negotiation, mostly one that will be taken."""
        random = self._random
        if random.random() < 0.1:
            return self.anything()
        lists = b""
        if random.random() < 0.2:
            lists = macro_list(random.randrange(9), "i {x} j,k" * random.randrange(3))
        return options(
            random.choice((2, 3, 4, 6, 6, 6)),
            random.getrandbits(9),
            random.getrandbits(21) if random.random() < 0.5 else 0x400,
            lists,
        )

    def behave(self, wire: Wire) -> None:
        """Play a whole session: mostly along, so that every stage is met."""
        random = self._random
        wire.read()
        wire.raw(self.opening())
        while (letter := wire.read()[0]) != b"Q":
            chance = random.random()
            if letter in b"DA" and chance < 0.98:
                continue
            if chance < 0.85:
                wire.send(b"c")
            elif chance < 0.95:
                wire.raw(b"".join(self.anything() for _ in range(random.randrange(1, 4))))
                if random.random() < 0.9:
                    return  # half a packet is waited for otherwise
            elif chance < 0.97:
                wire.raw(b"".join(self.valid() for _ in range(50)))
            elif chance < 0.98:
                wire.reset()
                return
            elif chance < 0.985:
                wire.wait_for_close()
                return
            elif chance < 0.99:
                return
