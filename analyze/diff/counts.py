"""Calls, errors, files, peers and processes that are new or gone, more or fewer."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from posixpath import dirname

from analyze.diff.change import Change
from analyze.diff.noise import dispersion, z_of_counts
from analyze.diff.profile import MEMORY, ErrorKey, Profile, real

TRANSIENT = frozenset(
    """
    EAGAIN EALREADY ECHILD EINPROGRESS EINTR ERESTARTNOHAND ERESTARTNOINTR ERESTARTSYS ERESTART_RESTARTBLOCK ESRCH
    ETIMEDOUT
    """.split()  # noqa: SIM905 - easier to read
)
"""Errors that come and go with timing."""
ROUTINE = frozenset(("ENOTTY", "ESPIPE", "ENODATA"))
"""Errors by which a program learns what a file is: they come with each one that it opens."""
CERTAIN = 4.0
"""Standard deviations."""
LEAST_CHANGE, LEAST_CHANGE_BY_CHANCE = 0.1, 2.0
"""Share by which a count must have risen or fallen; the second where it depends on timing."""
LEAST_CALLS_BY_CHANCE = 10
LEAST_VARIATION, LEAST_VARIATION_OF_ERRORS = 2e-3, 1e-4
"""Of counts, even if a program seems always to do the same."""
VARIES = "#"
"""In a name that was made without what varies: how many such there are varies too."""
MANY = 5
"""More changes than these of one kind are told as one."""


def process_changes(first: Profile, second: Profile) -> Iterator[Change]:
    """Processes that are there on one side only."""
    before, after = first.processes, second.processes
    for name in before.keys() ^ after.keys():
        new = name in after
        calls = before[name] + after[name]
        score = (95 if new else 65) + min(math.log10(calls), 5) / 10
        yield Change(
            "process",
            "new" if new else "gone",
            real(name, first, second),
            before=before[name],
            after=after[name],
            score=score,
        )


def call_changes(first: Profile, second: Profile, pace: float) -> Iterator[Change]:
    """Calls that a process makes more or less often. A process that is new or gone is one change, not one a call."""
    processes = first.processes.keys() & second.processes.keys()
    variation = _variation(first, second, pace, LEAST_VARIATION)
    for key in first.calls.keys() | second.calls.keys():
        before, after = first.calls[key], second.calls[key]
        chance = _by_chance(key.waits, key.call)
        z = z_of_counts(before, after, pace, max(1.0, variation) if chance else variation)
        if key.process not in processes or z < CERTAIN or not _weighs(before * pace, after, chance):
            continue
        score = _base(before, after, (60, 40, 40, 35)) + min(math.log10(z), 5) - 20 * chance
        yield Change(
            "call", _word(before, after), real(key.process, first, second), key.call, "", before, after, score=score
        )


def error_changes(first: Profile, second: Profile, pace: float) -> Iterator[Change]:
    """Errors that are new or gone, more or fewer, by call and file."""
    variation = _variation(first, second, pace, LEAST_VARIATION_OF_ERRORS)
    processes = first.processes.keys() & second.processes.keys()
    groups: dict[tuple[str, str, str, str], list[ErrorKey]] = defaultdict(list)
    for key in first.errors.keys() | second.errors.keys():
        before, after = first.errors[key], second.errors[key]
        chance = key.errno in TRANSIENT or (VARIES in key.what and before > 0 < after)
        z = z_of_counts(before, after, pace, max(1.0, variation) if chance else variation)
        if key.process in processes and z >= CERTAIN and (not chance or _weighs(before * pace, after, chance)):
            groups[key.process, key.call, key.errno, _word(before, after)].append(key)
    for (process, call, errno, word), keys in groups.items():
        bases = {"new": 100, "more": 80, "gone": 58, "less": 50}
        for told in [keys] if len(keys) > MANY else [[key] for key in keys]:
            before, after = (sum(side.errors[key] for key in told) for side in (first, second))
            example = real(told[0].what, first, second)
            what = f"{errno} {example}" if len(told) == 1 else f"{errno} on {len(told)} files, such as {example}"
            fresh = word == "new" and all(key.what in second.files and key.what not in first.files for key in told)
            implied = fresh or errno in ROUTINE
            score = bases[word] - 45 * implied + min(math.log10(before + after), 5) / 10 - 45 * (errno in TRANSIENT)
            yield Change("error", word, real(process, first, second), call, what.strip(), before, after, score=score)


def file_changes(first: Profile, second: Profile) -> Iterator[Change]:
    """Files that were used on one side only; many in one folder are one change."""
    groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for name in first.files.keys() ^ second.files.keys():
        groups[dirname(name), name in second.files].append(name)
    for (folder, new), names in groups.items():
        word, base = ("new", 90) if new else ("gone", 60)
        if len(names) > MANY:
            calls = _sums(first.files, second.files, names)
            what = f"{len(names)} files in {folder}, such as {real(names[0], first, second)}"
            yield Change("file", word, what=what, before=calls[0], after=calls[1], score=base)
            continue
        for name in names:
            before, after = first.files[name], second.files[name]
            user = real((second if new else first).users[name], first, second)
            score = base + min(math.log10(before + after), 5) / 10
            yield Change("file", word, user, "", real(name, first, second), before, after, score=score)


def peer_changes(first: Profile, second: Profile) -> Iterator[Change]:
    """Peers that were spoken to on one side only."""
    for name in first.peers.keys() ^ second.peers.keys():
        new = name in second.peers
        before, after = first.peers[name], second.peers[name]
        user = real((second if new else first).users[name], first, second)
        score = (93 if new else 62) + min(math.log10(before + after), 5) / 10
        yield Change("peer", "new" if new else "gone", user, "", real(name, first, second), before, after, score=score)


def _variation(first: Profile, second: Profile, pace: float, least: float) -> float:
    """How much the counts of calls and errors vary that do not depend on timing."""
    steady: dict[tuple[object, ...], int] = {
        **{key: n for key, n in first.calls.items() if not _by_chance(key.waits, key.call)},
        **{key: n for key, n in first.errors.items() if key.errno not in TRANSIENT},
    }
    return dispersion(steady, {**second.calls, **second.errors}, pace, least)


def _sums(first: Counter[str], second: Counter[str], names: list[str]) -> tuple[int, int]:
    return sum(first[name] for name in names), sum(second[name] for name in names)


def _by_chance(waits: bool, call: str) -> bool:
    return waits or call in MEMORY


def _weighs(expected: float, after: int, chance: bool) -> bool:
    low, high = sorted((expected, float(after)))
    if chance and high < LEAST_CALLS_BY_CHANCE:
        return False
    return high - low >= low * (LEAST_CHANGE_BY_CHANCE if chance else LEAST_CHANGE) and high - low >= 1


def _word(before: int, after: int) -> str:
    if not before or not after:
        return "gone" if before else "new"
    return "more" if after > before else "less"


def _base(before: int, after: int, bases: tuple[float, float, float, float]) -> float:
    return dict(zip(("new", "more", "gone", "less"), bases, strict=True))[_word(before, after)]
