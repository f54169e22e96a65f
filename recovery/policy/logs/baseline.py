"""What the last green log of a job says too: lines that are no news, and cannot be why it failed."""

from __future__ import annotations

from recovery.models.log import JobLog
from recovery.policy.logs.chunks import chunks
from recovery.policy.logs.framing import FRAME, clean, decode
from recovery.policy.logs.normal import normal

_MOST = 500_000
"""Different lines of a green log that are remembered; that takes some 40 MB."""


class Baseline:
    """The lines of a green log, as far as they stay the same from run to run.

    Only their hashes are kept; they are compared by set difference, in time linear in both logs.
    """

    def __init__(self, log: JobLog) -> None:
        self._known = {hash(b"")}
        for _, chunk in chunks(decode(log.content)):
            distinct = b"\n".join(set(clean(chunk).replace(FRAME, b"\n").split(b"\n")))
            self._known.update(map(hash, normal(distinct).split(b"\n")))
            if len(self._known) > _MOST:
                break

    def knows(self, line: bytes) -> bool:
        """Whether the green log has this cleaned line, or all of its frames; a blank line is always known."""
        return self._has(normal(line))

    def new_lines(self, content: bytes, first: int, last: int) -> list[int]:
        """Which lines of decoded `content`, from `first` to `last` (counted from 0), the green log does not have."""
        found = []
        number = 0
        for _, chunk in chunks(content):
            if number > last:
                break
            following = number + chunk.count(b"\n")
            if following >= first:
                lines = self._new_in(clean(chunk).split(b"\n"))
                found += [number + place for place in lines if first <= number + place <= last]
            number = following
        return found

    def _new_in(self, lines: list[bytes]) -> list[int]:
        distinct = list(set(lines))
        normals = normal(b"\n".join(distinct)).split(b"\n")
        new = {line for line, said in zip(distinct, normals, strict=True) if not self._has(said)}
        return [place for place, line in enumerate(lines) if line in new] if new else []

    def _has(self, line: bytes) -> bool:
        if hash(line) in self._known:
            return True
        return FRAME in line and all(hash(frame) in self._known for frame in line.split(FRAME))
