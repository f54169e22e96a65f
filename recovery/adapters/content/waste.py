"""Which packs are not worth keeping: too much of what they hold is referred to by nothing any more."""

from __future__ import annotations

from collections.abc import Mapping

MOST_WASTE = 0.04
"""Part of all packs together that may be waste; every restore downloads it, and no save reads it."""

WASTE_LEFT = MOST_WASTE / 2
"""How much of it is left then: so that not every save after that packs something anew."""

MOST_WASTE_OF_PACK = 1 / 3


def packs_to_dissolve(used: Mapping[int, int], sizes: Mapping[int, int], *, new: int) -> set[int]:
    """The packs that are better packed anew, by number.

    `used` and `sizes` tell of each pack how many of its bytes are referred to, and how many it has; `new` bytes are in
    new packs, which have no waste.
    """
    waste = {pack: size - used[pack] for pack, size in sizes.items()}
    chosen = {pack for pack, size in sizes.items() if waste[pack] > size * MOST_WASTE_OF_PACK}
    left = sum(waste[pack] for pack in waste if pack not in chosen)
    kept = sum(used.values()) + new
    if left <= kept * MOST_WASTE:
        return chosen
    for pack in sorted(waste.keys() - chosen, key=lambda pack: (-waste[pack] / sizes[pack], pack)):
        if left <= kept * WASTE_LEFT:
            break
        chosen.add(pack)
        left -= waste[pack]
    return chosen
