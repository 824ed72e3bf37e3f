"""The public suite http-cache-tests against one proxy at a time, and its score."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess

from .machine import ROOT
from .process import BenchError, Daemon, free_port

RELEASE = "0.4.5"
FOLDER = ROOT / "build/cache-tests"
KINDS = ("required", "optimal", "check")


def install_suite():
    """The npm release and what it and newer checkouts import; once. Gives its folder."""
    suite = FOLDER / "node_modules/http-cache-tests"
    if not (suite / "cli.mjs").exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        run = subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(FOLDER), f"http-cache-tests@{RELEASE}",
                              "node-fetch@2", "undici@7"], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise BenchError(f"npm could not install the suite: {run.stderr.strip()[-400:]}")
    return suite


def adopt_checkout(path):
    """A checkout of the suite, copied beside the packages it imports. Its tests may lie in test-engine/."""
    install_suite()
    source = pathlib.Path(path).resolve()
    if (source / "test-engine/cli.mjs").exists():
        source = source / "test-engine"
    if not (source / "cli.mjs").exists():
        raise BenchError(f"{path} is no checkout of http-tests/cache-tests: it has no cli.mjs")
    copy = FOLDER / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("node_modules", ".git", "results"))
    return copy


def tests_of(suite):
    run = subprocess.run(["node", "--no-warnings", str(pathlib.Path(__file__).with_name("suite_tests.mjs")), str(suite)],
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise BenchError(f"the suite's tests could not be read: {run.stderr.strip()[:400]}")
    return json.loads(run.stdout)


@contextlib.contextmanager
def suite_origin(suite, folder):
    """The origin that comes with the suite, on a free port."""
    port = free_port()
    environment = {"npm_package_config_protocol": "http", "npm_package_config_port": str(port), "npm_config_port": str(port),
                   "npm_config_protocol": "http", "npm_package_config_pidfile": f"{folder}/suite-origin-{port}.pid"}
    with contextlib.chdir(suite):
        origin = Daemon("the suite's origin", ["node", "--no-warnings", "server/server.mjs"], port, env=environment,
                        log=pathlib.Path(folder) / f"suite-origin-{port}.log")
    try:
        yield port
    finally:
        origin.stop()


def run_suite(suite, base_url, test_id=""):
    """{test: True or [kind of failure, message]} of all tests; with an id the suite's own account of that one, as text."""
    # Both must be set: the suite runs nothing where they are missing, and everything where they are empty.
    environment = {**os.environ, "npm_config_base": base_url, "npm_config_id": test_id, "npm_package_config_id": "",
                   "npm_package_config_base": base_url}
    try:
        run = subprocess.run(["node", "--no-warnings", "cli.mjs"], cwd=suite, env=environment, capture_output=True, text=True, check=False,
                             timeout=240)
    except subprocess.TimeoutExpired as error:
        raise BenchError("the suite did not end within four minutes") from error
    if test_id:
        return run.stdout
    try:
        return json.loads(run.stdout[run.stdout.index("{"):])
    except ValueError as error:
        raise BenchError(f"the suite printed no results: {(run.stderr or run.stdout).strip()[:400]}") from error


class Score:
    """Passes by kind, as a proxy's: tests for browsers alone are left out, and a test counts as passed only if every
    test that it depends on passed too."""

    def __init__(self, tests, results):
        self.tests = {test["id"]: test for test in tests if not test["browser_only"]}
        self.results = results
        self._all = {test["id"]: test for test in tests}

    def passed(self, name):
        test = self._all.get(name)
        return self.results.get(name) is True and all(self.passed(other) for other in (test["depends_on"] if test else []))

    def count(self, kind):
        """(passed, all)"""
        of_kind = [name for name, test in self.tests.items() if test["kind"] == kind]
        return sum(map(self.passed, of_kind)), len(of_kind)

    def failures(self, kind):
        """[(test, why)]"""
        return [(name, self.why(name)) for name, test in self.tests.items() if test["kind"] == kind and not self.passed(name)]

    def why(self, name):
        result = self.results.get(name)
        if result is True:
            failed = [other for other in self._all[name]["depends_on"] if not self.passed(other)]
            return f"depends on {', '.join(failed)}"
        return "was not run" if result is None else ": ".join(map(str, result)) if isinstance(result, list) else str(result)


def read_exceptions(path):
    """{test: reason} from lines "test: reason"; '#' begins a comment."""
    found = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, colon, reason = line.partition(":")
            if colon and not line.startswith("#"):
                found[name.strip()] = reason.strip()
    return found
