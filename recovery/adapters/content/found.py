"""A file as it was found on the disk, before anything of it is read."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A file, link or empty folder: its path below the root, where it lies, and what the disk says of it."""

    path: str
    location: str
    status: os.stat_result
