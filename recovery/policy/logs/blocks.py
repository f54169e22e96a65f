"""Finds the lines that belong together: the account of a failure around one line of it, by its shape alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from recovery.policy.logs.shapes import divides, indentation, is_aside, is_blank, is_detail, is_heading, tells

UP, DOWN = 40, 60
"""How far a block may reach from the line it is about."""

_STRANGE = 1
"""Lines in a row that say nothing known, with which a block still goes on."""

_GAP = 2
"""Lines in a row that are blank, or no news, with which a block still goes on."""

Lines = Mapping[int, bytes]


def block_of(lines: Lines, line: int) -> list[int]:
    """The numbers of the lines that account for the same failure as `line`, in order."""
    top = _top(lines, line)
    least = min(indentation(lines[top]), indentation(lines[line]))
    block = list(range(top, _bottom(lines, line, least) + 1))
    parent = _parent(lines, top)
    return block if parent is None else [parent, *block]


def groups_of(lines: Lines, new: frozenset[int], evidence: Collection[int]) -> list[list[int]]:
    """News that stand together, without what goes on beside them; blank lines and nested ones in between belong."""
    groups: list[list[int]] = []
    for number in sorted(new & lines.keys()):
        if is_aside(lines[number]) and number not in evidence:
            continue
        if groups and _hangs_together(lines, groups[-1][-1], number):
            groups[-1] += range(groups[-1][-1] + 1, number + 1)
        else:
            groups.append([number])
    return groups


def _hangs_together(lines: Lines, last: int, number: int) -> bool:
    between = [lines.get(each, b"") for each in range(last + 1, number)]
    return len(between) <= _GAP and not any(not is_blank(line) and not _is_nested(line, 0) for line in between)


def _is_nested(line: bytes, least: int) -> bool:
    return (indentation(line) > least or is_detail(line)) and not is_aside(line)


def _bottom(lines: Lines, line: int, least: int) -> int:
    end, strange = line, 0
    for number in range(line + 1, line + DOWN + 1):
        text = lines.get(number)
        if text is None or is_aside(text) or divides(text) or number - end > _GAP + strange:
            break
        if is_blank(text):
            continue
        nested = _is_nested(text, least)
        if is_blank(lines[number - 1]) and not nested:
            break
        strange = 0 if nested or tells(text) else strange + 1
        if strange > _STRANGE:
            break
        end = end if strange else number
    return end


def _top(lines: Lines, line: int) -> int:
    top, strange = line, 0
    for number in range(line - 1, line - UP - 1, -1):
        text = lines.get(number)
        if text is None or is_aside(text) or top - number > _GAP + strange:
            break
        if is_blank(text):
            continue
        if not _stands_above(text, lines[top], apart=is_blank(lines[number + 1])):
            break
        nested = 0 < indentation(text) != indentation(lines[line])
        strange = 0 if nested or tells(text) else strange + 1
        if strange > _STRANGE:
            break
        top = top if strange else number
    return top


def _stands_above(text: bytes, top: bytes, *, apart: bool) -> bool:
    """Whether a block may reach up to `text` from its present `top`."""
    if is_heading(top) and (apart or not indentation(top)):
        return is_heading(text) and (not apart or indentation(text) < indentation(top))
    if not apart:
        return True
    return (indentation(top) > 0 or is_detail(top)) and (is_heading(text) or is_detail(text) or indentation(text) > 0)


def _parent(lines: Lines, top: int) -> int | None:
    """The line of which an indented one is an item: the nearest above that stands in less."""
    depth = indentation(lines[top])
    if not depth or is_heading(lines[top]):
        return None
    for number in range(top - 1, top - UP, -1):
        text = lines.get(number)
        if text is None or is_blank(text) or is_aside(text):
            return None
        if indentation(text) < depth:
            return number if is_heading(text) else None
    return None
