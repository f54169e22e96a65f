"""What reading a zip that a stranger made has to reckon with."""

from __future__ import annotations

import zipfile
import zlib

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)
"""What `zipfile` raises, by itself or through what it calls, for a zip that is damaged or made to harm: sizes and
places that lie (ValueError, OSError, EOFError), passwords (RuntimeError), packings and versions it does not know."""

METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""How `actions/upload-artifact` packs; nothing else is opened."""
