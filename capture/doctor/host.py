"""Checks of what is installed for each loader, and of what a capture takes from this host."""

from collections.abc import Iterator

from capture.cgroups import hierarchy
from capture.doctor.check import Check, State, read
from capture.loaders import _libbpf, bcc, core

LOADERS, RESOURCES = "loaders", "resources"
_MB = 1 << 20


def checks() -> Iterator[Check]:
    """Every check of both groups."""
    yield _object()
    yield _libbpf_installed()
    yield _binding()
    yield _headers()
    yield _rings()
    yield _cgroups()


def _object() -> Check:
    if core.OBJECT.exists():
        found = f"{core.OBJECT.name}, {core.OBJECT.stat().st_size // 1024} KB"
        return Check(LOADERS, "kernel program", State.OK, found, (), ("core",))
    return Check(
        LOADERS,
        "kernel program",
        State.MISSING,
        f"{core.OBJECT.name} is not built",
        ("make bpf, in the checkout",),
        ("core",),
    )


def _libbpf_installed() -> Check:
    try:
        _libbpf.library()
    except OSError as error:
        remedy = ("sudo apt-get install libbpf1",)
        return Check(LOADERS, "libbpf", State.MISSING, f"cannot be loaded: {error}", remedy, ("core",))
    return Check(LOADERS, "libbpf", State.OK, "libbpf.so.1", (), ("core",))


def _binding() -> Check:
    try:
        module = bcc.bcc_module()
    except ImportError as error:
        remedy = ("sudo apt-get install python3-bpfcc",)
        return Check(LOADERS, "bcc", State.MISSING, f"its Python binding cannot be loaded: {error}", remedy, ("bcc",))
    version = getattr(module, "__version__", "of unknown version")
    return Check(LOADERS, "bcc", State.OK, f"Python binding {version}", (), ("bcc",))


def _headers() -> Check:
    matching, any_ = bcc.matching_headers(), bcc.headers()
    if matching is not None:
        return Check(LOADERS, "kernel headers", State.OK, "those of the running kernel", (), ("bcc",))
    install = "sudo apt-get install linux-headers-$(uname -r)"
    if any_ is None:
        remedy = (install, "or, where the kernel has BTF, those of any other: linux-headers-amd64")
        return Check(LOADERS, "kernel headers", State.MISSING, "none were found", remedy, ("bcc",))
    if not bcc.btf_readable():
        found = f"only those of {any_.parent.name}, and no BTF to say where this kernel's structures differ"
        return Check(LOADERS, "kernel headers", State.MISSING, found, (install,), ("bcc",))
    found = f"of {any_.parent.name}, not the running kernel's: that is enough, as BTF tells the offsets"
    return Check(LOADERS, "kernel headers", State.OK, found, (), ("bcc",))


def _rings() -> Check:
    from capture.session import Options, Session

    settings = Session(Options(argv=("capture",))).settings
    in_all = sum(size.entries * size.value_size for size in settings.maps().values())
    ring = settings.ring_stride // _MB
    found = f"{settings.cpus} possible CPUs with a ring of {ring} MB each; {in_all // _MB} MB with the tables"
    available = _available()
    if available is not None and in_all > available // 4:
        remedy = (f"take smaller rings: -B 1m ({available // _MB} MB of memory are available)",)
        return Check(RESOURCES, "rings", State.NOTE, found, remedy)
    return Check(RESOURCES, "rings", State.OK, f"{found} (-B SIZE changes it)")


def _available() -> int | None:
    """Bytes of memory that could be had without swapping."""
    lines = (read("/proc/meminfo") or "").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _cgroups() -> Check:
    groups = hierarchy()
    if groups is None:
        return Check(RESOURCES, "control groups", State.NOTE, "no hierarchy is mounted: column cgroup will be NULL")
    kind = "pids of v1" if groups.v1_index else "v2"
    return Check(RESOURCES, "control groups", State.OK, f"names from {kind}, {groups.root}")
