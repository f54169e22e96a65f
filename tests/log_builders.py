"""Logs of failed jobs as GitHub serves them, made here: the kinds of failure, and what differs from run to run."""

from __future__ import annotations

from dataclasses import dataclass

TAIL = "##[error]Process completed with exit code 1."


@dataclass(frozen=True)
class World:
    """Where and when a log came about: what differs between two runs of one failure."""

    project: str = "shop"
    day: str = "2026-01-15"
    sha: str = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
    port: int = 45123
    temp: str = "/tmp/tmp8f3k2x9q"  # noqa: S108
    seconds: float = 3.25

    def fill(self, line: str) -> str:
        """A line with this world's own in its places."""
        places = {
            "ROOT": f"/home/runner/work/{self.project}/{self.project}",
            "PROJECT": self.project,
            "DAY": self.day,
            "SHORT": self.sha[:12],
            "SHA": self.sha,
            "PORT": str(self.port),
            "TEMP": self.temp,
            "SECONDS": f"{self.seconds:.2f}",
        }
        for name, value in places.items():
            line = line.replace(f"<{name}>", value)
        return line


@dataclass(frozen=True)
class Kind:
    """One kind of failure: the command, the lines that say why it failed, and what is said around them."""

    name: str
    command: str
    cause: tuple[str, ...]
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def lines(self, *, without_cause: bool = False) -> tuple[str, ...]:
        """What the step printed."""
        return (*self.before, *(() if without_cause else self.cause), *self.after)


PYTEST_START = (
    "============================= test session starts ==============================",
    "platform linux -- Python 3.12.3, pytest-8.3.2, pluggy-1.5.0",
    "rootdir: <ROOT>",
    "collected 12 items",
)
MAVEN_END = (
    "[INFO] ------------------------------------------------------------------------",
    "[INFO] BUILD FAILURE",
    "[INFO] Total time:  <SECONDS> s",
    "[INFO] Finished at: <DAY>T12:00:00Z",
)

REAL = (
    Kind(
        "pytest",
        "pytest",
        (
            "E       assert 3 == 4",
            "<ROOT>/tests/test_cart.py:12: AssertionError",
            "FAILED tests/test_cart.py::test_total - assert 3 == 4",
        ),
        (*PYTEST_START, "_________________ test_total _________________"),
        ("=================== 1 failed, 11 passed in <SECONDS>s ====================",),
    ),
    Kind(
        "unittest",
        "python -m unittest",
        ("FAIL: test_total (tests.test_cart.CartTest)", "AssertionError: 3 != 4"),
        ("...F..",),
        ("Ran 6 tests in <SECONDS>s", "FAILED (failures=1)"),
    ),
    Kind(
        "go test",
        "go test ./...",
        ("--- FAIL: TestTotal (<SECONDS>s)", "    cart_test.go:12: got 3, want 4"),
        ("ok  \tgithub.com/octo/<PROJECT>/bank\t0.012s",),
        ("FAIL", "FAIL\tgithub.com/octo/<PROJECT>/cart\t<SECONDS>s"),
    ),
    Kind(
        "cargo test",
        "cargo test",
        ("test cart::tests::total ... FAILED", "thread 'cart::tests::total' panicked at src/cart.rs:12:9:"),
        ("running 2 tests", "test cart::tests::empty ... ok"),
        ("test result: FAILED. 1 passed; 1 failed; 0 ignored; finished in <SECONDS>s",),
    ),
    Kind(
        "jest",
        "npx jest",
        ("FAIL src/cart.test.js", "  ● Cart › total", "    expect(received).toBe(expected)"),  # noqa: RUF001
        ("PASS src/bank.test.js",),
        ("Tests:       1 failed, 11 passed, 12 total", "Time:        <SECONDS> s"),
    ),
    Kind(
        "surefire",
        "mvn -B verify",
        (
            "[ERROR] com.octo.CartTest.total -- Time elapsed: <SECONDS> s <<< FAILURE!",
            "[ERROR]   CartTest.total:12 expected: <4> but was: <3>",
        ),
        ("[INFO] Running com.octo.CartTest",),
        ("[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0", *MAVEN_END),
    ),
    Kind(
        "gradle test",
        "./gradlew test",
        ("com.octo.CartTest > total() FAILED", "    org.opentest4j.AssertionFailedError at CartTest.java:12"),
        ("> Task :test",),
        ("2 tests completed, 1 failed", "BUILD FAILED in 3s"),
    ),
    Kind(
        "rspec",
        "bundle exec rspec",
        ("     Failure/Error: expect(cart.total).to eq(4)", "rspec ./spec/cart_spec.rb:12 # Cart total"),
        (),
        ("2 examples, 1 failure",),
    ),
    Kind(
        "gcc",
        "make",
        ("<ROOT>/src/cart.c:12:5: error: expected ';' before 'return'",),
        ("cc -c -o cart.o cart.c",),
        ("make: *** [Makefile:3: cart.o] Error 1",),
    ),
    Kind(
        "rustc",
        "cargo build",
        ("error[E0308]: mismatched types", "  --> src/cart.rs:12:5"),
        ("   Compiling <PROJECT> v0.1.0 (<ROOT>)",),
        ("error: could not compile `<PROJECT>` (lib) due to 1 previous error",),
    ),
    Kind("go build", "go build ./...", ("cart/cart.go:12:5: undefined: total",), ("# github.com/octo/<PROJECT>/cart",)),
    Kind(
        "javac",
        "mvn -B compile",
        (
            "[ERROR] COMPILATION ERROR : ",
            "[ERROR] <ROOT>/src/main/java/com/octo/Cart.java:[12,5] cannot find symbol",
        ),
        (),
        MAVEN_END,
    ),
    Kind("tsc", "npx tsc --noEmit", ("src/cart.ts(12,5): error TS2322: Type 'string' is not assignable to 'number'.",)),
    Kind(
        "eslint",
        "npx eslint .",
        ("<ROOT>/src/cart.js", "  12:5  error  'total' is not defined  no-undef", "✖ 1 problem (1 error, 0 warnings)"),
    ),
    Kind("ruff", "ruff check", ("src/cart.py:12:5: F841 Local variable `total` is assigned to but never used",)),
    Kind(
        "mypy",
        "mypy .",
        (
            'src/cart.py:12: error: Incompatible return value type (got "str", expected "int")  [return-value]',
            "Found 1 error in 1 file (checked 12 source files)",
        ),
    ),
    Kind("black", "black --check .", ("would reformat <ROOT>/src/cart.py",), (), ("1 file would be reformatted.",)),
    Kind(
        "module missing",
        "python -m shop",
        ("ModuleNotFoundError: No module named 'requests'",),
        ("Traceback (most recent call last):", '  File "<ROOT>/cart.py", line 3, in <module>'),
    ),
    Kind(
        "terraform",
        "terraform plan",
        ("Error: Unsupported argument", "  on <TEMP>/main.tf line 12, in resource:"),
        ("Initializing provider plugins...",),
    ),
    Kind("merge conflict", "git merge main", ("CONFLICT (content): Merge conflict in src/cart.py",)),
    Kind("command missing", "./build.sh", ("./build.sh: line 12: protoc: command not found",)),
    Kind(
        "rejected push",
        "git push",
        (
            " ! [rejected]        HEAD -> main (fetch first)",
            "error: failed to push some refs to 'https://github.com/octo/<PROJECT>'",
        ),
        ("[main <SHORT>] Update the version of <SHA>",),
    ),
    Kind(
        "permission",
        "git push",
        ("remote: Permission to octo/<PROJECT>.git denied to github-actions[bot].",),
        (),
        ("fatal: unable to access 'https://github.com/octo/<PROJECT>/': The requested URL returned error: 403",),
    ),
)

PASSING = (
    Kind(
        "connection reset",
        "curl -O https://example.com/a.tgz",
        ("curl: (18) transfer closed with outstanding read data remaining",),
        ("  % Total    % Received % Xferd",),
    ),
    Kind(
        "no such host",
        "git fetch",
        ("fatal: unable to access 'https://github.com/octo/<PROJECT>/': Could not resolve host: github.com",),
    ),
    Kind(
        "npm network",
        "npm ci",
        (
            "npm error code ECONNRESET",
            "npm error network request to https://registry.npmjs.org/a failed, reason: read ECONNRESET",
        ),
        (),
        ("npm error A complete log of this run can be found in: <TEMP>/_logs/<DAY>T12_00_00_000Z-debug-0.log",),
    ),
    Kind(
        "docker timeout",
        "docker pull node:20",
        (
            'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp 10.1.0.4:<PORT>->'
            "34.1.2.3:443: i/o timeout",
        ),
    ),
    Kind(
        "rate limit",
        "docker pull node:20",
        ("toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating",),
    ),
    Kind(
        "unhealthy deployment",
        "./deploy.sh",
        (
            "Error: UPGRADE FAILED: timed out waiting for the condition",
            'error: deployment "<PROJECT>-<SHORT>" exceeded its progress deadline',
        ),
        ("forwarding from 127.0.0.1:<PORT> to <TEMP>/socket at <DAY>T12:00:00Z",),
    ),
    Kind("disk full", "make image", ("tar: <TEMP>/layer.tar: Cannot write: No space left on device",)),
    Kind(
        "registry down", "pip install -r requirements.txt", ("ERROR: HTTP error 503 while getting https://pypi.org/a",)
    ),
)

KINDS = (*REAL, *PASSING)

BEGINNING = (
    "Current runner version: '2.320.0'",
    "##[group]Operating System",
    "Ubuntu",
    "##[endgroup]",
    "Prepare workflow directory",
    "Download action repository 'actions/checkout@v4' (SHA:<SHA>)",
    "Complete job name: build",
    "##[group]Run actions/checkout@v4",
    "with:",
    "  repository: octo/<PROJECT>",
    "##[endgroup]",
    "Syncing repository: octo/<PROJECT>",
    "[command]/usr/bin/git checkout --progress --force <SHA>",
    "HEAD is now at <SHORT> Add a cart",
)
END = (
    "Post job cleanup.",
    "[command]/usr/bin/git version",
    "git version 2.47.0",
    "Cleaning up orphan processes",
)


def step(command: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    """A step as the runner shows it: the echo of its script, then what it printed."""
    return (f"##[group]Run {command}", command, "shell: /usr/bin/bash -e {0}", "##[endgroup]", *lines)


def job(*steps: tuple[str, ...], world: World = World()) -> str:
    """The log of a job as GitHub serves it."""
    lines = [world.fill(line) for part in (BEGINNING, *steps, END) for line in part]
    stamps = (f"{world.day}T12:{number // 60 % 60:02}:{number % 60:02}.0000000Z" for number in range(len(lines)))
    return "\ufeff" + "".join(f"{stamp} {line}\n" for stamp, line in zip(stamps, lines, strict=True))


def red(kind: Kind, world: World = World(), *, without_cause: bool = False, noise: tuple[str, ...] = ()) -> str:
    """The log of a job that failed of one kind of failure."""
    lines = (*kind.lines(without_cause=without_cause), *noise, TAIL)
    return job(step("echo ready", ("ready",)), step(kind.command, lines), world=world)
