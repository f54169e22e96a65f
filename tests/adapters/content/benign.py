"""Harmless twins of the attacks: they look alike, and must be restored as they are."""

from __future__ import annotations

from collections.abc import Callable

from tests.adapters.content.forging import Forgery

BENIGN: dict[str, Callable[[Forgery], object]] = {}


def _files(name: str, *paths: str) -> None:
    def build(forgery: Forgery) -> None:
        for path in paths:
            forgery.file(path, path.encode())

    BENIGN[name] = build


def _link(name: str, path: str, target: str) -> None:
    BENIGN[name] = lambda forgery: forgery.file("a/b/file").file("file").link(path, target)


_files("two_dots_in_front", "..foo", "...", "....", "..bar/..foo")
_files("two_dots_inside", "a/..b", "a..b", "a/b..", "a/..b../c")
_files("one_dot_in_front", ".hidden", ".config/.settings")
_files("dot_behind", "a.", "b./c", "d..")
_files("spaces", " leading", "trailing ", "in the middle", "a folder/a file", " ")
_files("leading_dash", "-rf", "--no-preserve-root", "-/-")
_files("wildcards", "*", "?", "[a-z]", "**/x")
_files("what_a_shell_obeys", "$(reboot)", "`reboot`", "a;b", "a&b", "a|b", "$HOME", "!x", "~", "~root/x")
_files("quotes", "it's", '"quoted"', "'", "a\"b'c")
_files("colon_further_back", "foo:bar", "ab:c/d", "12:30", "::error::x")
_files("percent_and_hash", "%2e%2e%2fx", "#comment", "100%", "%00")
_files("umlauts", "Käse/Größe.txt", "ÄÖÜ")
_files("many_scripts", "日本語/テスト.txt", "Ελληνικά", "русский", "עברית", "العربية")
_files("emoji", "🎉.txt", "👩‍👩‍👧/x", "❤️")
_files("decomposed_only", "cafe\u0301", "n\u0303/x")
_files("not_quite_the_same", "\u0131", "i", "ﬁ.txt", "x²")
_files("unicode_dots", "…/x", "\u2024\u2024/y")
_files("unicode_slashes", "a\u2044b", "a\u2215b", "a\uff0fb")
_files("wide_blanks", "a\u00a0b", "a\u3000b")
_files("same_name_in_many_folders", "a/index.js", "b/index.js", "A1/index.js", "a/b/index.js", "index.js")
_files("same_name_in_another_case_elsewhere", "a/README", "b/readme", "c/ReadMe")
_files("folder_and_file_that_begin_alike", "lib", "lib.d/x", "lib-1/x", "lib0")
_files("almost_git", ".gitignore", ".gitattributes", ".github/workflows/ci.yml", ".gitmodules", ".git-credentials.d/x")
_files("git_in_other_places", "git", "x.git", "repo.git/config", "_git/config", ".gitx", "git~2", "git~10/x")
_files("almost_the_staging_folder", ".recovery", ".recovery-restore", ".recovery-restored/x", "x.recovery-restore-y")
_files("names_of_devices", "dev/null", "proc/self", "etc/passwd", "nul.txt.d/x")
_files("names_of_our_own", "manifest.json", "files.json.zst", "packs/x.zst", "commit.json")
_files("long_name", "a" * 255, "ü" * 127)
_files("long_path", "/".join(["a" * 200] * 10))
_files("deep_folders", "/".join("d" * 200))
_files("single_letters", "a", "b", "c", "d/e", "E/x")
_files("numbers", "0", "1", "-1", "007", "1e999", "NaN", "null")
_link("link_beside", "link", "file")
_link("link_down", "link", "a/b/file")
_link("link_up_inside", "a/b/link", "../../file")
_link("link_to_the_root", "a/b/link", "../..")
_link("link_to_its_own_folder", "a/link", ".")
_link("link_with_dots_in_a_name", "link", "..foo/...")
_link("link_that_turns", "link", "a/b/../b/./file")
_link("link_with_double_slash", "link", "a//b///file")
_link("link_with_slash_behind", "link", "a/b/")
_link("link_into_nothing", "link", "not/there/yet")
_link("link_to_itself", "link", "link")
_link("link_with_odd_characters", "link", "$(x) ü 🎉")
_link("link_named_in_dots", "..link", "..foo")


def _benign(build: Callable[[Forgery], object]) -> Callable[[Forgery], object]:
    BENIGN[build.__name__] = build
    return build


@_benign
def links_through_links(forgery: Forgery) -> None:
    """A chain that stays inside."""
    forgery.file("a/b/c/file").link("one", "a/b").link("two", "one/c").link("three", "two/../c/file")


@_benign
def links_in_a_circle(forgery: Forgery) -> None:
    """They lead nowhere."""
    forgery.link("one", "two").link("two", "three").link("three", "one")


@_benign
def links_of_packages_to_each_other(forgery: Forgery) -> None:
    """As package managers make them."""
    forgery.file("packages/a/index.js").file("packages/b/index.js", b"b")
    forgery.link("packages/a/node_modules/b", "../../b").link("packages/b/node_modules/a", "../../a")
    forgery.link("node_modules/.bin/tool", "../../packages/a/index.js")


@_benign
def chain_of_versions(forgery: Forgery) -> None:
    """As shared libraries have them."""
    forgery.file("lib/libx.so.1.2.3", mode=0o755).link("lib/libx.so.1", "libx.so.1.2.3").link(
        "lib/libx.so", "libx.so.1"
    )


@_benign
def folder_beside_a_link(forgery: Forgery) -> None:
    """The link's name is the beginning of the folder's."""
    forgery.link("way", "innocent.txt").file("way-out/x").file("ways/y")


@_benign
def small_but_very_compressible(forgery: Forgery) -> None:
    """A thousand times smaller, and still small."""
    forgery.next_pack().file("zeros", bytes(5_000_000)).file("ones", b"1" * 1_000_000)


@_benign
def many_copies_of_one_file(forgery: Forgery) -> None:
    """All of them refer to one chunk."""
    number = forgery.chunk(b"the same")
    for copy in range(500):
        forgery.file(f"copies/{copy}", b"the same", chunks=[number])


@_benign
def empty_files(forgery: Forgery) -> None:
    """They have no chunks."""
    forgery.file("empty", b"").file("a/empty", b"", mode=0o600)


@_benign
def every_permission(forgery: Forgery) -> None:
    """Even none at all."""
    for mode in (0o000, 0o111, 0o200, 0o400, 0o444, 0o640, 0o755, 0o777):
        forgery.file(f"file-{mode:o}", mode=mode).folder(f"folder-{mode:o}", mode=mode)


@_benign
def files_across_packs(forgery: Forgery) -> None:
    """Some begin in one pack and end in another, out of order."""
    first = forgery.chunk(b"first")
    middle = forgery.next_pack().chunk(b"middle")
    last = forgery.next_pack().chunk(b"last")
    forgery.file("forwards", b"firstmiddlelast", chunks=[first, middle, last])
    forgery.file("backwards", b"lastmiddlefirst", chunks=[last, middle, first], mode=0o444)
    forgery.file("twice", b"lastlast", chunks=[last, last])
    forgery.file("mixed", b"firstlastfirst", chunks=[first, last, first])


@_benign
def chunks_out_of_order(forgery: Forgery) -> None:
    """In one pack, but neither sorted nor side by side."""
    numbers = [forgery.chunk(bytes([65 + number]) * 10) for number in range(6)]
    for name, order in (("all", [0, 1, 2, 3, 4, 5]), ("reverse", [5, 4, 3, 2, 1, 0]), ("some", [4, 1, 1, 2, 5])):
        data = b"".join(bytes([65 + number]) * 10 for number in order)
        forgery.file(name, data, chunks=[numbers[number] for number in order])


@_benign
def nothing_but_an_empty_folder(forgery: Forgery) -> None:
    """No content at all."""
    forgery.folder("empty/folder")
