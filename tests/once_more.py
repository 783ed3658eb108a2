"""A pytest plugin: what failed is asked once more, and both answers are printed, so that no repeat is silent.

Thousands of tests, many of which watch real processes in real time, run beside each other; a machine may be busy. What
is broken fails again, also what a property test has found (it remembers the example).
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

MOST_ONCE_MORE = 8
"""Of 6,000 tests, many of them in real time, on a machine of two cores. What is broken fails again, and every repeat is
printed with its first error; more failures than these are a fault of the change or of the machine, not chance."""
LAST_FAILED = "cache/lastfailed"
FIRST_ERRORS = "once_more/first_errors"
LONGEST_LINE = 300


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--once-more",
        action="store_true",
        help=f"run what failed before once more, alone; refused when more than {MOST_ONCE_MORE} tests had failed",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that sees every report keeps the log: not the workers of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailureLog(config), "failure-log")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--once-more"):
        return
    failed = cached(config, LAST_FAILED)
    if not 0 < len(failed) <= MOST_ONCE_MORE:
        names = "".join(f"\n  {line}" for line in told(failed, cached(config, FIRST_ERRORS)))
        raise pytest.UsageError(f"{len(failed)} tests failed, at most {MOST_ONCE_MORE} are asked once more:{names}")
    items[:] = [item for item in items if item.nodeid in failed]
    if len(items) != len(failed):
        raise pytest.UsageError(f"cannot be asked once more: {', '.join(sorted(failed))}")


class FailureLog:
    """Keeps the first error of each test that fails, over all runs until the cache is emptied."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._once_more = bool(config.getoption("--once-more"))
        self._asked: set[str] = set()
        self._errors: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._asked.add(report.nodeid)
        if report.failed:
            self._errors.setdefault(report.nodeid, first_line(report))

    def pytest_sessionfinish(self) -> None:
        cache = getattr(self._config, "cache", None)  # absent with -p no:cacheprovider
        if self._errors and not self._once_more and cache is not None:
            cache.set(FIRST_ERRORS, self._errors | cached(self._config, FIRST_ERRORS))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """After the second answer, each test with its first error: also those that pass now."""
        if not self._once_more or not self._asked:
            return
        passed = self._asked - set(self._errors)
        head = f"failed at first: {len(self._asked)}, of which passed when asked once more: {len(passed)}"
        terminalreporter.section(head)
        first = cached(self._config, FIRST_ERRORS)
        for answer, names in (("passed", passed), ("FAILED AGAIN", set(self._errors))):
            for line in told(names, first):
                terminalreporter.write_line(f"{answer}: {line}")


def cached(config: pytest.Config, key: str) -> dict[str, str]:
    """What earlier runs left under this key; empty without a cache."""
    cache = getattr(config, "cache", None)
    return dict((cache.get(key, {}) if cache is not None else {}) or {})


def told(names: Iterable[str], errors: dict[str, str]) -> list[str]:
    """One line for each test: its name and its first error."""
    return [f"{name}: at first {errors.get(name, 'an error that was not recorded')}" for name in sorted(names)]


def first_line(report: pytest.TestReport) -> str:
    """The place and first line of the error; of what has no place (a worker that crashed) the first line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = f"line {crash.lineno}, {crash.message}" if crash else str(report.longrepr)
    lines = message.strip().splitlines() or ["an error without words"]
    return f"({report.when}) {lines[0][:LONGEST_LINE]}"
