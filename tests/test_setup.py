"""The set-up's dealings with the distribution, on machines made of stand-ins for dpkg and apt."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOCKED = ("apt-cache", "apt-get", "dpkg", "dpkg-query", "id", "sudo", "uname")


class Machine:
    """A folder with the set-up and a PATH on which the distribution's tools are stand-ins that log their calls."""

    def __init__(self, folder: Path, packages: str) -> None:
        self.checkout, self.bin, self.log = folder / "checkout", folder / "bin", folder / "calls"
        (self.checkout / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "scripts" / "setup.sh", self.checkout / "scripts")
        (self.checkout / "scripts" / "packages.txt").write_text(packages)
        for tool in Path("/usr/bin").iterdir():
            if tool.name not in MOCKED:
                (self.bin / tool.name).symlink_to(tool)
        self.stand_in("dpkg", "echo amd64")
        self.stand_in("uname", "echo 6.1.0-9")
        self.stand_in("apt-get", f'echo "apt-get $*" >>{self.log}')
        self.user(0).installed().available()

    def stand_in(self, name: str, script: str) -> None:
        """Put a shell script in the place of a tool."""
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def user(self, uid: int) -> "Machine":
        """Who runs the set-up."""
        self.stand_in("id", f"echo {uid}")
        return self

    def installed(self, *names: str) -> "Machine":
        """Which packages are there."""
        self.stand_in("dpkg-query", "\n".join(f"echo installed {name}" for name in names))
        return self

    def available(self, *names: str) -> "Machine":
        """Which packages the distribution has."""
        cases = "".join(f"{name}) echo '  Candidate: 1.0';;" for name in names)
        self.stand_in("apt-cache", f"case $2 in {cases} *) echo '  Candidate: (none)';; esac")
        return self

    def run(self) -> str:
        """The last line that the set-up says. PYTHON=false ends it where .venv would be made."""
        command = [self.checkout / "scripts" / "setup.sh"]
        environment = {"PATH": str(self.bin), "PYTHON": "false"}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        return ended.stderr.splitlines()[-1]

    def calls(self) -> list[str]:
        """The calls of apt-get so far: their verbs and what follows the options."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose set-up needs a compiler, one of two tracers, and headers if there are any."""
    return Machine(tmp_path, "cc # why\ntracer | other-tracer\n? headers-{kernel} | headers-{arch}\nmulti [arm64]\n")


def installs(machine: Machine) -> list[str]:
    """What apt-get was asked to install, in order."""
    return [name for call in machine.calls() if " install " in call for name in call.split("Timeout=300 ")[1].split()]


def test_missing_packages_are_installed(machine: Machine) -> None:
    """Of each need the first alternative that the distribution has is taken; other architectures' needs are not."""
    machine.available("cc", "other-tracer", "headers-amd64").run()
    assert installs(machine) == ["cc", "headers-amd64", "other-tracer"]


def test_apt_is_left_alone_when_nothing_is_missing(machine: Machine) -> None:
    """Neither the network nor a lock is touched where each need is met; a missing optional package changes nothing."""
    machine.installed("cc", "other-tracer").run()
    assert machine.calls() == []


def test_a_better_alternative_replaces_a_worse_one(machine: Machine) -> None:
    """The running kernel's headers are installed beside others that are already there."""
    machine.installed("cc", "tracer", "headers-amd64").available("headers-6.1.0-9").run()
    assert installs(machine) == ["headers-6.1.0-9"]


def test_who_may_not_install_is_told_what_to_ask_for(machine: Machine) -> None:
    """Neither root nor sudo: one line with the command that root would type."""
    machine.user(1000).available("cc", "tracer")
    assert machine.run().endswith("run as root: apt-get install cc tracer")
    assert machine.calls() == []


def test_sudo_is_used_where_it_is(machine: Machine) -> None:
    """Who is not root but has sudo installs with it."""
    machine.stand_in("sudo", f'echo "sudo $*" >>{machine.log}; exec "$@"')
    machine.user(1000).available("cc", "tracer").run()
    assert [call.split()[:2] for call in machine.calls() if call.startswith("sudo")] == [
        ["sudo", "apt-get"],
        ["sudo", "env"],
    ]


def test_an_old_python_is_named(machine: Machine) -> None:
    """A Python that is too old ends the set-up with the way out."""
    machine.installed("cc", "tracer")
    assert (
        machine.run()
        == "setup: false is older than 3.11: set PYTHON to a newer one (Debian 12 and Ubuntu 24.04 have it)"
    )


def test_every_need_names_plain_packages() -> None:
    """packages.txt holds package names, placeholders, | between alternatives, [architecture], and comments."""
    for line in (ROOT / "scripts" / "packages.txt").read_text().splitlines():
        need = line.partition("#")[0].removeprefix("? ").strip().replace("{kernel}", "k").replace("{arch}", "a")
        need = need.removesuffix(" [amd64]")
        assert all(name.strip().replace("-", "").isalnum() for name in need.split("|") if need), line


def test_the_machines_are_stand_ins(machine: Machine) -> None:
    """The tools under test are never the host's own."""
    assert {name for name in MOCKED if (machine.bin / name).is_symlink()} == set()
