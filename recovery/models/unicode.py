"""Texts that people give: taken as they are, if they are text at all."""

from __future__ import annotations

from collections.abc import Mapping

from recovery.errors import InputError

_SHOWN = 80
"""Characters that are repeated of what was refused."""


def check_unicode(given: Mapping[str, str]) -> None:
    """Refuse what can neither be kept nor sent: half characters, as which Python reads bytes that are no UTF-8.

    Raises:
        InputError: one of the texts, named by its key, is not valid Unicode.
    """
    for name, text in given.items():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{name} is not valid Unicode: {text[:_SHOWN]!r}", hint="give it in UTF-8") from error
