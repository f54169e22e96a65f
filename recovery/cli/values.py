"""Values of options that are more than text."""

from __future__ import annotations

import argparse
import re

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMGT]?)B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


def days(text: str) -> float:
    """A number of days, which need not be whole."""
    number = float(text)
    if not 0 <= number < 1e5:
        raise argparse.ArgumentTypeError("must be 0 or more, and less than 100000")
    return number


def seconds(text: str) -> float:
    """A time in seconds, more than 0."""
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def count(text: str) -> int:
    """A whole number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def number(text: str) -> int:
    """An id that GitHub gave: a whole number from 1."""
    given = int(text)
    if given < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return given


def name(text: str) -> str:
    """A name; an empty one, as of a variable that is not set, is not taken for "not given"."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; leave it out, or give a name")
    return text


def size(text: str) -> int:
    """A number of bytes: `500MB`, `5GB`, `1.5 G`, each unit a thousand times the one before."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError("must be a size such as 500MB or 5GB")
    return int(float(match[1]) * _UNITS[match[2].upper()])
