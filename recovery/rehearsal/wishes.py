"""Failures as a user asks for them (`JOB:STEP=LOGFILE`), found in the workflows or refused with what there is."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recovery.errors import InputError
from recovery.rehearsal.failure_texts import network_error
from recovery.rehearsal.injection import Injection, read_log
from recovery.rehearsal.joblog import planned_name
from recovery.rehearsal.legs import legs_of
from recovery.rehearsal.records import Workflow
from recovery.rehearsal.workflow import Document, jobs_of, parse


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One failure asked for: what `--fail` and its sisters were given."""

    text: str
    kind: Literal["fail", "lose", "hang"] = "fail"
    always: bool = False


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A job, or one leg of it, under one of the names it goes by."""

    name: str
    workflow: Workflow
    key: str
    job: Document
    leg: str | None = None

    @property
    def steps(self) -> list[Document]:
        steps = self.job.get("steps")
        return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def resolve(wishes: Sequence[Wish], workflows: Sequence[Workflow]) -> tuple[Injection, ...]:
    """What each wish comes to in these workflows.

    Raises:
        InputError: a wish names no job or step there is, or its log cannot be read; says what there is instead.
    """
    places = [place for workflow in workflows for place in _places(workflow)]
    return tuple(_resolved(wish, places) for wish in wishes)


def examples(workflows: Sequence[Workflow]) -> list[str]:
    """Steps that could be asked to fail, as one would write them; the likeliest first."""
    found = [
        (not any(word in planned_name(step).lower() for word in ("test", "install", "fetch", "build")), place, step)
        for workflow in workflows
        for place in _places(workflow)
        if place.leg is None and place.name == place.key
        for step in place.steps
        if "run" in step
    ]
    return [f"{place.name}:{planned_name(step)}" for _, place, step in sorted(found, key=lambda entry: entry[0])]


def _places(workflow: Workflow) -> Iterator[_Place]:
    for key, job in jobs_of(parse(workflow.text)).items():
        legs = [leg.name for leg in legs_of(job, key)]
        for name in dict.fromkeys((key, str(job.get("name") or key))):
            yield _Place(name=name, workflow=workflow, key=key, job=job)
        for leg in legs:
            yield _Place(name=leg, workflow=workflow, key=key, job=job, leg=leg)


def _resolved(wish: Wish, places: list[_Place]) -> Injection:
    found = [
        (place, position, log) for place, rest in _jobs_named(wish, places) for position, log in _steps(place, rest)
    ]
    if not found:
        raise _refusal(wish, places)
    paths = list(dict.fromkeys(place.workflow.path for place, _, _ in found))
    if len(paths) > 1:
        raise InputError(f"“{wish.text}” is in {' and in '.join(paths)}", hint="choose one of them with --workflow")
    place, position, log = found[0]
    step = place.steps[position]
    if place.leg and (wish.kind == "lose" or not _is_shell(step)):
        raise InputError(
            f"this step can fail only in all legs of {place.key}, not in {place.leg} alone", hint=f"name {place.key}"
        )
    text, code = read_log(log) if log else network_error(step)
    return Injection(
        path=place.workflow.path,
        key=place.key,
        position=position,
        leg=place.leg,
        kind=wish.kind,
        always=wish.always,
        log=text,
        exit_code=code,
    )


def _jobs_named(wish: Wish, places: list[_Place]) -> list[tuple[_Place, str | None]]:
    """The jobs whose names the text begins with, and what follows the name."""
    cuts = [index for index, character in enumerate(wish.text) if character == ":"]
    splits: list[tuple[str, str | None]] = [(wish.text[:cut], wish.text[cut + 1 :]) for cut in cuts]
    if wish.kind != "fail":
        splits.insert(0, (wish.text, None))
    for same in (str, str.casefold):
        for name, rest in splits:
            if found := [(place, rest) for place in places if same(place.name) == same(name.strip())]:
                return found
    return []


def _steps(place: _Place, rest: str | None) -> Sequence[tuple[int, Path | None]]:
    """The step that the text names, and the log file that follows it."""
    if rest is None:
        runs = [index for index, step in enumerate(place.steps) if "run" in step]
        first = (runs or list(range(len(place.steps))))[:1]
        return [(index, None) for index in first]
    cuts = [index for index, character in enumerate(rest) if character == "="]
    choices: list[tuple[str, Path | None]] = [(rest, None)]
    choices += [(rest[:cut], Path(rest[cut + 1 :])) for cut in reversed(cuts)]
    for same in (str, str.casefold):
        for name, log in choices:
            wanted = same(name.strip())
            for index, step in enumerate(place.steps):
                if wanted in {same(word) for word in _words(index, step)}:
                    return [(index, log)]
    return []


def _words(index: int, step: Document) -> set[str]:
    shown = planned_name(step)
    return {str(index + 1), str(step.get("id") or index + 1), shown, shown.removeprefix("Run ")}


def _is_shell(step: Document) -> bool:
    return "run" in step and str(step.get("shell", "bash")).split()[0] in {"bash", "sh"}


def _refusal(wish: Wish, places: list[_Place]) -> InputError:
    jobs = _jobs_named(wish, places)
    if not jobs:
        asked = wish.text.split(":")[0]
        names = list(dict.fromkeys(place.name for place in places))
        if ":" not in wish.text and asked in names:
            place = next(place for place in places if place.name == asked)
            return InputError(f"“{wish.text}” names a job but no step: write JOB:STEP", hint=_steps_hint(place, ""))
        return InputError(f"there is no job “{asked}” to fail", hint=_hint(asked, names, "the jobs are"))
    place, rest = jobs[0]
    if "uses" in place.job:
        return InputError(f"{place.name} calls another workflow, whose steps cannot be made to fail")
    asked = (rest or "").split("=")[0]
    message = f"there is no step “{asked}” in job {place.name} of {place.workflow.path}"
    return InputError(message, hint=_steps_hint(place, asked))


def _steps_hint(place: _Place, asked: str) -> str:
    names = [planned_name(step) for step in place.steps]
    return _hint(asked, names, "its steps are", numbered=True)


def _hint(asked: str, names: Sequence[Any], introduction: str, *, numbered: bool = False) -> str:
    near = difflib.get_close_matches(asked, names, n=1)
    shown = [f"{number} “{name}”" if numbered else f"“{name}”" for number, name in enumerate(names, start=1)]
    return (f"did you mean “{near[0]}”? " if near else "") + f"{introduction} {', '.join(shown)}"
