"""What the patterns of a checkpoint's files mean, what is left out and told, and that nothing outside is ever found."""

from __future__ import annotations

import fnmatch
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.adapters.content.selection import LeftOut, select
from recovery.errors import InputError

TREE = (
    "README.md",
    "dist/app.js",
    "dist/app.js.map",
    "dist/css/site.css",
    "dist/css/site.tmp",
    "dist/deep/er/app.js",
    "src/a.py",
    "src/b.txt",
    "src/.hidden/c.py",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with the files of `TREE` and an empty folder."""
    root = tmp_path / "workspace"
    for path in TREE:
        put(root, path)
    (root / "dist" / "empty").mkdir()
    return root


def put(root: Path, path: str, text: str = "") -> Path:
    """Write a file, with the folders it needs."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def paths(workspace: Path, *patterns: str) -> list[str]:
    """The paths that the patterns select."""
    return [found.path for found in select(workspace, patterns).found]


DIST = [
    "dist/app.js",
    "dist/app.js.map",
    "dist/css/site.css",
    "dist/css/site.tmp",
    "dist/deep/er/app.js",
    "dist/empty",
]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("README.md",), ["README.md"]),
        (("./README.md",), ["README.md"]),
        (("dist",), DIST),
        (("dist/",), DIST),
        (("dist/**",), DIST),
        (("dist//**/**",), DIST),
        (("./dist/./",), DIST),
        (("dist/**/*",), DIST),
        (("dist/*",), DIST),
        (("dist/*.js",), ["dist/app.js"]),
        (("dist/*.js*",), ["dist/app.js", "dist/app.js.map"]),
        (("dist/app.j?",), ["dist/app.js"]),
        (("dist/app.[ij]s",), ["dist/app.js"]),
        (("dist/[!a]*",), ["dist/css/site.css", "dist/css/site.tmp", "dist/deep/er/app.js", "dist/empty"]),
        (("**/app.js",), ["dist/app.js", "dist/deep/er/app.js"]),
        (("dist/**/app.js",), ["dist/app.js", "dist/deep/er/app.js"]),
        (("**/er/**",), ["dist/deep/er/app.js"]),
        (("*/css",), ["dist/css/site.css", "dist/css/site.tmp"]),
        (("src",), ["src/.hidden/c.py", "src/a.py", "src/b.txt"]),
        (("**/*.py",), ["src/.hidden/c.py", "src/a.py"]),
        (("src/*",), ["src/.hidden/c.py", "src/a.py", "src/b.txt"]),
        (("src", "README.md"), ["README.md", "src/.hidden/c.py", "src/a.py", "src/b.txt"]),
        (("src", "src/a.py"), ["src/.hidden/c.py", "src/a.py", "src/b.txt"]),
        (("# everything that was built", "", "  dist/*.js  "), ["dist/app.js"]),
        (("dist/*.js", "missing"), ["dist/app.js"]),
    ],
)
def test_patterns_mean_what_they_mean_to_actions_cache(
    workspace: Path, patterns: tuple[str, ...], expected: list[str]
) -> None:
    """A folder means everything below it; hidden files are files; nothing is found twice."""
    assert expected == paths(workspace, *patterns)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("dist", "!dist/css"), ["dist/app.js", "dist/app.js.map", "dist/deep/er/app.js", "dist/empty"]),
        (("dist", "!**/*.js", "!dist/css/**"), ["dist/app.js.map", "dist/deep/er", "dist/empty"]),
        (("dist/css", "!**/*.tmp"), ["dist/css/site.css"]),
        (("dist/css", "! **/*.tmp"), ["dist/css/site.css"]),
        (("dist/css", "!dist/css", "dist/css/*.tmp"), ["dist/css/site.tmp"]),
        (("dist/css", "!**/*.tmp", "**/site.*"), ["dist/css/site.css", "dist/css/site.tmp"]),
        (("!dist/css", "dist/css"), ["dist/css/site.css", "dist/css/site.tmp"]),
        (("dist/css", "!!dist/deep"), ["dist/css/site.css", "dist/css/site.tmp", "dist/deep/er/app.js"]),
        ((".", "!dist", "!src"), ["README.md"]),
    ],
)
def test_later_pattern_outweighs_an_earlier_one(
    workspace: Path, patterns: tuple[str, ...], expected: list[str]
) -> None:
    """`!` takes out what came before it, and what comes after it is taken in again."""
    assert expected == paths(workspace, *patterns)


def test_folder_whose_files_are_all_taken_out_is_kept_empty(workspace: Path) -> None:
    """The folder was meant, only its content was not."""
    assert ["src"] == paths(workspace, "src", "!src/*")


def test_the_workspace_itself_can_be_meant(workspace: Path) -> None:
    """Everything, by a dot, two stars, or its own absolute path."""
    everything = sorted((*TREE, "dist/empty"))
    assert [everything] * 3 == [paths(workspace, pattern) for pattern in (".", "**", str(workspace))]


def test_absolute_path_inside_the_workspace_is_a_path(workspace: Path) -> None:
    """Also when the workspace is reached over a link, or has characters that mean something in patterns."""
    alias = workspace.parent / "a[li]as*"
    alias.symlink_to(workspace)
    patterns = (f"{alias}/dist/*.js", f"{workspace}/src/*.py")

    assert ["dist/app.js", "src/a.py"] == paths(alias, *patterns)


@pytest.mark.parametrize(
    "pattern",
    ["/etc/passwd", "../x", "dist/../../x", "dist/..", "~", "~/x", "~root/x", "!../x", "!", "a\0b", "/", "//etc"],
)
def test_pattern_that_leads_out_of_the_workspace_is_refused(workspace: Path, pattern: str) -> None:
    """The error names the pattern and says what is expected."""
    with pytest.raises(InputError, match="must be a path inside the workspace"):
        paths(workspace, "dist", pattern)


def test_sibling_with_a_longer_name_is_not_inside(workspace: Path) -> None:
    """`/x/workspace-2` begins like `/x/workspace` and is another place."""
    with pytest.raises(InputError, match="inside the workspace"):
        paths(workspace, f"{workspace}-2/x")


@pytest.mark.parametrize("pattern", ["**.txt", "a/b**", "***"])
def test_pattern_that_is_none(workspace: Path, pattern: str) -> None:
    """`**` beside anything else means something different in every tool."""
    with pytest.raises(InputError, match="is not a pattern"):
        paths(workspace, pattern)


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (("missing",), "missing matches no file"),
        (("missing", "dist/*.none"), "missing, dist/\\*.none match no file"),
        (("[",), "\\[ matches no file"),
        (("!dist",), "only takes files out"),
        ((), "only takes files out"),
        (("README.md/below",), "matches no file"),
        (("dist", "!dist"), "dist matches no file"),
    ],
)
def test_nothing_at_all_is_an_error(workspace: Path, patterns: tuple[str, ...], said: str) -> None:
    """It names the patterns."""
    with pytest.raises(InputError, match=said):
        paths(workspace, *patterns)


def test_patterns_that_match_nothing_are_told(workspace: Path) -> None:
    """One that another outweighs has matched all the same; one that only takes out owes nothing."""
    selection = select(workspace, ("dist/app.js", "dist", "buld/**", "src/*.none", "!missing"))

    assert ("buld/**", "src/*.none") == selection.unmatched


def test_missing_workspace_has_no_file(tmp_path: Path) -> None:
    """A workspace that is not there holds nothing."""
    with pytest.raises(InputError, match="matches no file"):
        paths(tmp_path / "missing", "**/*")


NAMES = st.sampled_from(["a", "b", "ab", ".c"])
PARTS = st.sampled_from(["a", "b", "ab", ".c", "*", "**", "?", "a*", "[ab]", "*b"])


@settings(max_examples=150, deadline=None)
@given(
    files=st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12),
    patterns=st.lists(
        st.tuples(st.sampled_from(["", "", "!"]), st.lists(PARTS, min_size=1, max_size=4).map("/".join)),
        min_size=1,
        max_size=4,
    ),
)
def test_walk_finds_what_asking_every_file_would_find(files: set[str], patterns: list[tuple[str, str]]) -> None:
    """Leaving folders out of the walk leaves out no file, whatever patterns come together in whatever order."""
    files = {file for file in files if not any(other.startswith(f"{file}/") for other in files)}
    expected = sorted(file for file in files if _meant(file, patterns))
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            put(Path(folder), file)
        try:
            found = select(Path(folder), [sign + pattern for sign, pattern in patterns]).found
        except InputError:
            found = ()
    assert expected == [each.path for each in found if not stat.S_ISDIR(each.status.st_mode)]


def _meant(file: str, patterns: list[tuple[str, str]]) -> bool:
    parts = file.split("/")
    meant = False
    for sign, pattern in patterns:
        if any(_fits(parts[:length], pattern.split("/")) for length in range(len(parts) + 1)):
            meant = not sign
    return meant


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _fits(parts, pattern[1:]) or (bool(parts) and _fits(parts[1:], pattern))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


# --- what is found ---------------------------------------------------------------------------------------------------


def test_found_files_tell_where_they_lie_and_what_they_are(workspace: Path) -> None:
    """The location opens, and the status is that of the file itself."""
    put(workspace, "ünï cödé/日本 .txt", "four")

    found = select(workspace, ("ünï cödé",)).found[0]

    assert ("ünï cödé/日本 .txt", 4, "four") == (found.path, found.status.st_size, Path(found.location).read_text())


def test_links_are_found_as_links_and_never_followed(workspace: Path) -> None:
    """A link to a file, to a folder, to nothing, to itself, and out of the workspace."""
    outside = workspace.parent / "outside"
    put(outside, "secret.txt")
    for name, target in (
        ("to-file", "app.js"),
        ("to-folder", "css"),
        ("dangling", "nowhere"),
        ("loop", "loop"),
        ("up", ".."),
        ("out", str(outside)),
    ):
        (workspace / "dist" / name).symlink_to(target)

    found = select(workspace, ("dist", "!dist/css", "!dist/deep")).found

    links = [each.path for each in found if stat.S_ISLNK(each.status.st_mode)]
    assert ["dist/dangling", "dist/loop", "dist/out", "dist/to-file", "dist/to-folder", "dist/up"] == links
    assert [] == [each.path for each in found if "secret" in each.path]


def test_pattern_does_not_lead_through_a_link(workspace: Path) -> None:
    """What lies behind a link is found where it is, or not at all."""
    (workspace / "link").symlink_to("dist")

    with pytest.raises(InputError, match="matches no file"):
        paths(workspace, "link/app.js")
    assert ["link"] == paths(workspace, "link")


def test_folder_is_found_only_when_it_is_empty(workspace: Path) -> None:
    """All others are there by their files."""
    folders = [each.path for each in select(workspace, (".",)).found if stat.S_ISDIR(each.status.st_mode)]

    assert ["dist/empty"] == folders


def test_pattern_for_files_takes_no_empty_folder(workspace: Path) -> None:
    """`**/*.js` does not mean the folders that were looked into."""
    put(workspace, "lib/only.css")

    assert ["dist/app.js", "dist/deep/er/app.js"] == paths(workspace, "**/*.js")


def test_name_that_is_no_unicode_is_refused(workspace: Path) -> None:
    """No record could name it; taken out, it is in nobody's way."""
    (Path(os.fsdecode(os.fsencode(workspace) + b"/dist/\xff"))).touch()

    with pytest.raises(InputError, match="no Unicode"):
        paths(workspace, "dist")
    assert DIST == paths(workspace, "dist", "!dist/[!acde]*")


def test_folders_may_be_deeper_than_the_interpreter_recurses(workspace: Path) -> None:
    """The walk keeps its own list of folders."""
    depth = sys.getrecursionlimit() + 100
    folder = workspace / "deep"
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)

    try:
        assert ["deep/" + "/".join(["d"] * depth)] == paths(workspace, "deep")
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)  # Python's own way of removing it recurses


# --- what is left out ------------------------------------------------------------------------------------------------

CREDENTIALS = (
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".env",
    ".env.production",
    ".envrc",
    "server.key",
    "store.p12",
    "store.pfx",
    "id_rsa",
    "id_rsa_backup",
    "id_ed25519",
    "gha-creds-0123.json",
    ".docker/config.json",
    ".aws/credentials",
    ".kube/config",
    ".cargo/credentials",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    "auth.json",
    "NuGet.Config",
    "nuget.config",
    ".dockercfg",
    ".s3cfg",
    "rclone.conf",
    "terraform.tfstate",
    "terraform.tfstate.backup",
    "release.jks",
    "release.keystore",
)


@pytest.mark.parametrize("path", CREDENTIALS)
@pytest.mark.parametrize("pattern", ["home", "home/**", "home/**/*", "**/*"])
def test_files_of_credentials_are_left_out_and_told(workspace: Path, path: str, pattern: str) -> None:
    """Whoever can read the repository can download its artifacts."""
    put(workspace, f"home/{path}")

    selection = select(workspace, (pattern, "README.md"))

    assert [] == [found.path for found in selection.found if found.path == f"home/{path}"]
    assert (LeftOut(f"home/{path}", "may hold credentials"),) == selection.left_out


@pytest.mark.parametrize("path", CREDENTIALS)
@pytest.mark.parametrize("patterns", [("home/{path}",), ("home", "home/{path}")])
def test_files_of_credentials_are_taken_when_named(workspace: Path, path: str, patterns: tuple[str, ...]) -> None:
    """Whoever names them means them."""
    put(workspace, f"home/{path}")

    selection = select(workspace, [pattern.format(path=path) for pattern in patterns])

    assert ([f"home/{path}"], ()) == ([found.path for found in selection.found], selection.left_out)


@pytest.mark.parametrize(
    "path",
    [
        "id_rsa.pub",
        ".env.example",
        ".environment/python",
        "config.json",
        "docker/config.json",
        "aws/credentials",
        "gradle.properties",
        "settings.xml",
        "credentials",
        "hosts.yml",
        "keyboard",
        "a.keys",
        "npmrc",
        ".env/bin/python",
    ],
)
def test_files_that_only_look_alike_are_taken(workspace: Path, path: str) -> None:
    """Public keys, examples, folders, and names that are somebody's only in another folder."""
    put(workspace, f"home/{path}")

    selection = select(workspace, ("home",))

    assert ([f"home/{path}"], ()) == ([found.path for found in selection.found], selection.left_out)


def test_certificates_are_taken_and_private_keys_are_not(workspace: Path) -> None:
    """Both are called `.pem`; without its certificates a Python environment can download nothing."""
    put(workspace, "home/cacert.pem", "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")
    put(workspace, "home/server.pem", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\n")

    selection = select(workspace, ("home",))

    assert ["home/cacert.pem"] == [found.path for found in selection.found]
    assert ["home/server.pem"] == [each.path for each in selection.left_out]


def test_what_is_taken_out_is_not_told(workspace: Path) -> None:
    """Neither taken nor left out: it was not meant."""
    put(workspace, "home/.npmrc")
    put(workspace, "home/a")

    selection = select(workspace, ("home", "!**/.npmrc"))

    assert (["home/a"], ()) == ([found.path for found in selection.found], selection.left_out)


def test_repository_is_left_out_unless_named(workspace: Path) -> None:
    """Git's own folder, at the top and in a submodule; told where everything around it was meant."""
    put(workspace, ".git/config")
    put(workspace, "vendor/.git", "gitdir: ../.git/modules/vendor")
    put(workspace, "vendor/a.c")

    selection = select(workspace, ("*", "!dist", "!src"))

    assert ["README.md", "vendor/a.c"] == [found.path for found in selection.found]
    assert {".git", "vendor/.git"} == {each.path for each in selection.left_out}
    assert [".git/config"] == paths(workspace, ".git")


def test_naming_a_part_of_the_repository_takes_that_part(workspace: Path) -> None:
    """Everything else of it stays out, whatever else is meant."""
    put(workspace, ".git/config")
    put(workspace, ".git/hooks/pre-commit")

    assert [".git/hooks/pre-commit", "README.md"] == paths(workspace, ".", ".git/hooks", "!src", "!dist")


def test_search_that_comes_by_says_nothing_of_the_repository(workspace: Path) -> None:
    """`**/*.js` does not mean git's folder; nobody expects its files."""
    put(workspace, ".git/hooks/x.js")

    selection = select(workspace, ("**/*.js",))

    assert (["dist/app.js", "dist/deep/er/app.js"], ()) == (
        [found.path for found in selection.found],
        selection.left_out,
    )


def test_temporary_folder_of_the_runner_is_left_out_unless_named(workspace: Path) -> None:
    """Some runners have it inside the workspace."""
    put(workspace, "_temp/scratch")
    temporary = workspace / "_temp"

    selection = select(workspace, (".", "!dist", "!src"), temporary=temporary)
    named = select(workspace, ("_temp",), temporary=temporary)

    assert ["README.md"] == [found.path for found in selection.found]
    assert (LeftOut("_temp", "is the runner's temporary folder"),) == selection.left_out
    assert ["_temp/scratch"] == [found.path for found in named.found]


def test_private_place_is_never_taken(workspace: Path) -> None:
    """A checkpoint does not hold checkpoints, by whatever name, and does not speak of them."""
    put(workspace, "checkpoints/ckpt-1/manifest.json")

    for patterns in ((".", "!src", "!dist"), ("checkpoints", "README.md"), ("checkpoints/*/*", "README.md")):
        selection = select(workspace, patterns, private=(workspace / "checkpoints",))
        assert (["README.md"], ()) == ([found.path for found in selection.found], selection.left_out)


def test_pipes_and_sockets_are_left_out_even_when_named(workspace: Path) -> None:
    """There is nothing in them that could be kept."""
    os.mkfifo(workspace / "dist" / "pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(workspace / "dist" / "socket"))
    server.close()

    selection = select(workspace, ("dist", "dist/pipe"))

    assert DIST == [found.path for found in selection.found]
    assert {"dist/pipe", "dist/socket"} == {each.path for each in selection.left_out}


def test_nothing_but_what_is_left_out_is_an_error(workspace: Path) -> None:
    """An empty checkpoint is nobody's wish."""
    put(workspace, "home/.npmrc")

    with pytest.raises(InputError, match=r"nothing is left to take: home/.npmrc may hold credentials"):
        paths(workspace, "home/*")
