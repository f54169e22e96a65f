"""The runner: its variables, and how a step talks back without anybody else speaking through it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from recovery.adapters.runner import SUMMARY_LIMIT, RunnerCommands, inputs_of, runner_context, token_of
from recovery.errors import InputError

ENVIRONMENT = {
    "GITHUB_REPOSITORY": "octo/repo",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_EVENT_NAME": "workflow_run",
    "GITHUB_WORKFLOW_REF": "octo/repo/.github/workflows/recovery.yml@refs/heads/main",
    "GITHUB_REF_NAME": "main",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_TOKEN": "ghs_x",
    "RUNNER_TEMP": "/runner/temp",
    "GITHUB_WORKSPACE": "/runner/work",
}
HOSTILE = [
    "plain",
    "",
    "two\nlines",
    "ends\n",
    "a<<EOF\nb\nEOF\nreran=true",
    "recovery-0123456789abcdef0123456789abcdef",
    "::set-output name=x::y\n::error::z",
    "100%0A",
    "ünï ✓ 🎉",
    "=",
]


def test_variables_are_read_once() -> None:
    """Everything the runner tells, in one record."""
    context = runner_context(ENVIRONMENT)

    assert ("octo/repo", 42, 3, "workflow_run", ".github/workflows/recovery.yml", "main") == (
        context.repository,
        context.run_id,
        context.attempt,
        context.event_name,
        context.workflow_path,
        context.ref_name,
    )
    assert ("42.3", True, "https://api.github.com") == (context.author, context.on_runner, context.api_url)
    folder = Path("/runner/temp/storyteller-recovery")
    assert (folder, folder / "journal.jsonl", folder / "requests.jsonl") == (
        context.directory,
        context.journal,
        context.request_log,
    )
    assert "sqlite:////runner/temp/storyteller-recovery-state/recovery.db" == context.database_url


def test_shell_is_no_runner() -> None:
    """Without a run there is no journal, no request log and no author but `local`."""
    context = runner_context({"GITHUB_REPOSITORY": "octo/repo"})

    assert (False, "local", None, None, 1) == (
        context.on_runner,
        context.author,
        context.journal,
        context.request_log,
        context.attempt,
    )


def test_token_does_not_show() -> None:
    """A context may be logged."""
    assert "ghs_x" not in repr(runner_context(ENVIRONMENT)) + str(runner_context(ENVIRONMENT).model_dump())


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("octo/repo/.github/workflows/recovery.yml@refs/heads/main", ".github/workflows/recovery.yml"),
        ("octo/repo/.github/workflows/a@b.yml@refs/heads/x", ".github/workflows/a"),
        ("other/repo/.github/workflows/recovery.yml@refs/heads/main", None),
        ("octo/repo/elsewhere.yml@refs/heads/main", None),
        ("", None),
    ],
)
def test_own_workflow_is_read_from_its_reference(reference: str, path: str | None) -> None:
    """Only a file of this repository's workflow folder is the own workflow."""
    assert path == runner_context(ENVIRONMENT | {"GITHUB_WORKFLOW_REF": reference}).workflow_path


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY"),
        ({"GITHUB_REPOSITORY": "octo"}, "GITHUB_REPOSITORY"),
        ({"GITHUB_RUN_ID": "x"}, "GITHUB_RUN_ID is not a number"),
        ({"GITHUB_RUN_ATTEMPT": "-1"}, "GITHUB_RUN_ATTEMPT is not a number"),
        ({"GITHUB_RUN_ID": "²"}, "GITHUB_RUN_ID is not a number"),
        ({"GITHUB_EVENT_PATH": "/nowhere"}, "the event's payload cannot be read"),
        ({"RECOVERY_INPUTS": "{"}, "RECOVERY_INPUTS is not JSON"),
    ],
)
def test_variables_that_make_no_sense(over: dict[str, str], words: str) -> None:
    """The error names the variable."""
    with pytest.raises(InputError, match=words):
        runner_context(ENVIRONMENT | over)


@pytest.mark.parametrize(
    ("event", "branch"),
    [
        ('{"repository": {"default_branch": "trunk"}}', "trunk"),
        ('{"repository": {"default_branch": ""}}', "main"),
        ('{"repository": {"default_branch": 1}}', "main"),
        ('{"repository": []}', "main"),
        ("{}", "main"),
    ],
)
def test_default_branch_comes_from_the_event_or_else_from_the_ref(tmp_path: Path, event: str, branch: str) -> None:
    """Whatever the payload holds, there is a branch."""
    (tmp_path / "event.json").write_text(event)

    context = runner_context(ENVIRONMENT | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")})

    assert branch == context.default_branch


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        ({}, ""),
        ({"GH_TOKEN": "d"}, "d"),
        ({"GITHUB_TOKEN": "c", "GH_TOKEN": "d"}, "c"),
        ({"INPUT_GITHUB-TOKEN": "b", "GITHUB_TOKEN": "c"}, "b"),
        ({"RECOVERY_INPUTS": '{"github-token": "a"}', "INPUT_GITHUB-TOKEN": "b"}, "a"),
        ({"RECOVERY_INPUTS": '{"github-token": ""}', "GITHUB_TOKEN": "c"}, "c"),
    ],
)
def test_token_is_the_inputs_or_else_the_environments(environment: dict[str, str], token: str) -> None:
    """What is nearest to the use counts."""
    assert token == token_of(environment)


def test_inputs_are_texts() -> None:
    """Whatever JSON holds, an input is a text."""
    assert {"a": "1", "b": "x"} == inputs_of({"RECOVERY_INPUTS": '{"a": 1, "b": "x"}'})


def read_as_the_runner(text: str) -> dict[str, str]:
    """Outputs as the runner's file command reads them."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, delimiter = line.partition("<<")
        assert delimiter, f"a line outside of any block: {line}"
        value = []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found


def test_outputs_are_read_back_as_given(tmp_path: Path) -> None:
    """No value ends its own block, begins another, or is changed."""
    output = tmp_path / "output"
    commands = RunnerCommands({"GITHUB_OUTPUT": str(output)}, io.StringIO())
    values = {f"value-{number}": value for number, value in enumerate(HOSTILE)}

    commands.set_outputs({"first": "1"})
    commands.set_outputs(values)

    assert {"first": "1"} | values == read_as_the_runner(output.read_bytes().decode())


def test_delimiters_cannot_be_guessed(tmp_path: Path) -> None:
    """Each block has its own."""
    output = tmp_path / "output"
    RunnerCommands({"GITHUB_OUTPUT": str(output)}).set_outputs({"a": "", "b": ""})

    delimiters = re.findall(r"<<(\S+)", output.read_text())
    assert 2 == len(set(delimiters))
    assert all(len(delimiter) > 32 for delimiter in delimiters)


@pytest.mark.parametrize("method", ["error", "warning", "notice"])
@pytest.mark.parametrize("text", HOSTILE)
def test_commands_are_one_line(method: str, text: str) -> None:
    """Line ends and percent signs are escaped, so that a text stays the text of its own command."""
    stream = io.StringIO()

    getattr(RunnerCommands({"GITHUB_ACTIONS": "true"}, stream), method)(text)

    (line, rest) = stream.getvalue().split("\n")
    assert ("", True) == (rest, line.startswith(f"::{method}::"))
    told = line.removeprefix(f"::{method}::").replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    assert text == told


def test_secret_is_masked_and_no_secret_is_not() -> None:
    """An empty mask would be an error of the runner."""
    stream = io.StringIO()
    commands = RunnerCommands({"GITHUB_ACTIONS": "true"}, stream)

    commands.mask("")
    commands.mask("a%b")

    assert "::add-mask::a%25b\n" == stream.getvalue()


def test_summary_is_cut_at_githubs_limit(tmp_path: Path) -> None:
    """What exceeds the limit would make GitHub drop the whole summary."""
    summary = tmp_path / "summary.md"
    commands = RunnerCommands({"GITHUB_STEP_SUMMARY": str(summary)})

    commands.add_summary("ü" * SUMMARY_LIMIT)

    assert SUMMARY_LIMIT == summary.stat().st_size


def test_summaries_of_one_step_stay_within_the_limit_together(tmp_path: Path) -> None:
    """GitHub counts the whole file of a step, not each text that was added."""
    summary = tmp_path / "summary.md"
    commands = RunnerCommands({"GITHUB_STEP_SUMMARY": str(summary)})

    for _ in range(3):
        commands.add_summary("x" * (SUMMARY_LIMIT // 2 + 1))

    assert summary.stat().st_size <= SUMMARY_LIMIT


def test_off_a_runner_outputs_and_summary_go_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the files there is nothing to write to."""
    monkeypatch.chdir(tmp_path)
    commands = RunnerCommands({})

    commands.set_outputs({"a": "b"})
    commands.add_summary("text")

    assert [] == list(tmp_path.iterdir())


def test_off_a_runner_annotations_are_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """In a shell an error reads like an error, and no secret is said aloud to be hidden."""
    commands = RunnerCommands({})

    commands.mask("ghs_secret")
    commands.error("it broke")

    assert ("", "error: it broke\n") == capsys.readouterr()
