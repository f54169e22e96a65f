"""Greets people, in the words of a phrase book where there is one."""

import argparse
from pathlib import Path


def greet(name: str, phrase: str = "Hello") -> str:
    """A greeting for one person."""
    return f"{phrase}, {name}!"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--phrases", type=Path, required=True)
    for line in parser.parse_args().phrases.read_text(encoding="utf-8").splitlines():
        print(greet("world", line))
