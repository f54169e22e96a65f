"""The clues of the patterns that come with the program, from an index that `make docs` writes: finding them is slow."""

from __future__ import annotations

import json
import pkgutil
from functools import cache

INDEX = "clues.json"
"""A pattern that is not in it has its clue found when it is searched for; a test proves that none is missing."""


@cache
def known_clues() -> dict[str, str]:
    """Clues by pattern."""
    content = pkgutil.get_data(__package__, INDEX)
    return {} if content is None else dict(json.loads(content))
