"""`capture doctor`: what can record on this machine, what is missing and the remedy, and a test with known calls."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from capture.doctor import host, kernel, privileges, selftest
from capture.doctor.check import EBPF, Check, Way, judge
from capture.errors import PrivilegeError, UnsupportedError

UNTESTED = ("ptrace",)
"""Ways that need nothing that is looked at here, so they are named and not judged."""


@dataclass(frozen=True)
class Diagnosis:
    """All that was found. `results` has one self-test for each way that the checks let pass, or none if not asked."""

    checks: tuple[Check, ...]
    ways: tuple[Way, ...]
    results: tuple[selftest.Result, ...] = field(default=())

    def can_record(self, way: Way) -> bool:
        """What the checks say, and the self-test if there was one."""
        result = self.result(way)
        return way.can_record if result is None else result.passed

    def result(self, way: Way) -> selftest.Result | None:
        """The self-test of a way."""
        return next((result for result in self.results if result.loader == way.name), None)

    @property
    def exit_status(self) -> int:
        """0 if something can record; 3 if only privileges stand in the way of something; else 4."""
        if any(self.can_record(way) for way in self.ways):
            return 0
        privilege = any(way.built and way.only_privileges and way.lacks for way in self.ways)
        refused = any(result.status == PrivilegeError.exit_code for result in self.results)
        return PrivilegeError.exit_code if privilege or refused else UnsupportedError.exit_code


def examine() -> Diagnosis:
    """Look at everything, record nothing."""
    checks = (*privileges.checks(), *kernel.checks(), *host.checks())
    unbuilt = tuple(Way(name, built=False) for name in UNTESTED)
    return Diagnosis(checks, (*(judge(name, checks) for name in EBPF), *unbuilt))


def test(diagnosis: Diagnosis, run: Callable[[str], selftest.Result] = selftest.run) -> Diagnosis:
    """The diagnosis, with a self-test of each way that the checks let pass."""
    return replace(diagnosis, results=tuple(run(way.name) for way in diagnosis.ways if way.can_record))
