"""Where the links of a table lead, told from the table alone: a link may point wherever it likes below the root."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from recovery.policy.file_names import folding_of, told

MOST_HOPS = 64
"""Links that are followed from one; no system follows more."""

MOST_STEPS = 1_000_000
STEPS_PER_LINK = 50
"""Parts of targets that are walked for one table: links that lead through each other soon add up to more."""

_ABSOLUTE = re.compile(r"/|[A-Za-z]:")


def problems_of_links(links: Mapping[str, str]) -> Iterator[str]:
    """Each link that leads anywhere but to places below the root; `links` holds the targets by the links' paths.

    A target may lead through other links. One that leads in a circle leads nowhere, and no system follows it.
    """
    for path, target in links.items():
        if _ABSOLUTE.match(target) or "\\" in target:
            yield f"{told(path)} is a link to {told(target)}, which is no path below the root"
    # A system that tells apart no case finds links under other spellings, too. What leads out on one is refused on all.
    for spelling in (str, folding_of):
        walk = _Walk({spelling(path): target for path, target in links.items()}, spelling)
        for path, target in links.items():
            if walk.leads_out(path):
                yield f"{told(path)} is a link to {told(target)}, which leads out of the root"
            if walk.is_exhausted:
                yield "its links lead through each other without end"
                return


class _Walk:
    """Follows links of one table, until it has gone too many steps."""

    def __init__(self, links: Mapping[str, str], spelling: Callable[[str], str]) -> None:
        self._links = links
        self._spelling = spelling
        self._steps_left = MOST_STEPS + STEPS_PER_LINK * len(links)

    @property
    def is_exhausted(self) -> bool:
        """Whether more steps were gone than any honest table needs."""
        return self._steps_left <= 0

    def leads_out(self, path: str) -> bool:
        """Whether the way of a link leaves the root."""
        place = path.split("/")
        to_go: list[str] = []
        hops = 0
        while not self.is_exhausted:
            target = self._links.get(self._spelling("/".join(place)))
            if target is not None:
                hops += 1
                if hops > MOST_HOPS:
                    return False
                place.pop()
                to_go += [name for name in reversed(target.split("/")) if name not in {"", "."}]
            if not to_go:
                return False
            self._steps_left -= 1
            name = to_go.pop()
            if name != "..":
                place.append(name)
            elif not place:
                return True
            else:
                place.pop()
        return False
