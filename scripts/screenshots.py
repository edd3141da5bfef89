"""Makes the pictures of docs/images: records a workload, makes the pages of it, and photographs them in Chromium.

As root, from anywhere: `.venv/bin/python scripts/screenshots.py`. Look at them before you commit them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.chromium import Chromium  # noqa: E402 - it is no part of any package

IMAGES = ROOT / "docs" / "images"
WORKLOAD = "for n in 1 2 3 4; do scripts/demo_workload.sh; done"
SLOWER = f"{WORKLOAD}; cat /no/such/file; for n in 1 2 3; do find /usr/share/doc -name none; done"
WIDE, PHONE = 1280, 390
MOST_BYTES = 300_000


def record(folder: Path) -> None:
    """Two captures, trace.parquet and after.parquet, and the pages report.html and diff.html."""
    tools = Path(sys.executable).parent
    for name, script in (("trace", WORKLOAD), ("after", SLOWER)):
        words = ["-q", "-w", str(folder / f"{name}.parquet"), "--", "sh", "-c", script]
        subprocess.run([tools / "capture", *words], cwd=ROOT, check=True)
    for words in (
        ["report", "trace.parquet", "-q"],
        ["diff", "trace.parquet", "after.parquet", "-n", "0", "-q", "-w", "diff.html"],
    ):
        subprocess.run([tools / "analyze", *words], cwd=folder, check=True)


def scroll_to(browser: Chromium, section: str) -> None:
    """Put a section at the top of the window, all pictures on the way drawn."""
    browser.run(f"document.getElementById('{section}').scrollIntoView({{behavior: 'instant'}})")
    browser.run("new Promise(done => setTimeout(done, 700))")


def photograph(browser: Chromium, folder: Path) -> None:
    """Write all pictures."""
    for name, dark in (("light", False), ("dark", True)):
        browser.look(WIDE, 1340, dark=dark)
        browser.open(folder / "report.html")
        scroll_to(browser, "latency")
        scroll_to(browser, "overview")
        browser.run("scrollTo({top: 0, behavior: 'instant'})")
        browser.picture(IMAGES / f"report-{name}.png")
    browser.look(WIDE, 900)
    browser.open(folder / "report.html")
    scroll_to(browser, "flame")
    browser.picture(IMAGES / "report-flame.png")
    browser.look(WIDE, 640)
    browser.open(folder / "diff.html")
    browser.picture(IMAGES / "diff.png")
    browser.look(PHONE, 844)
    browser.open(folder / "report.html")
    browser.run("new Promise(done => setTimeout(done, 700))")
    browser.picture(IMAGES / "report-phone.png")


def main() -> None:
    """Make them, and refuse those that are too large to be committed."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder)
        with Chromium(folder / "profile") as browser:
            photograph(browser, folder)
    for picture in sorted(IMAGES.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(ROOT)}: {size:,} bytes")
        if size > MOST_BYTES:
            sys.exit(f"{picture.name} has more than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main()
