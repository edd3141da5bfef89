"""The page in a real browser: it is silent, asks no network, and what one clicks does what it says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analyze import cli
from analyze.html.report import report_page
from analyze.session import Session
from tests.chromium import Chromium, find_chromium
from tests.unit.analyze.captures import START, loss_row, make_rows, plain_row, write_parquet
from tests.unit.analyze.test_html import HOSTILE

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="chromium is not installed")
WEB = Path(__file__).resolve().parents[3] / "samples" / "web.parquet"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One for all tests here."""
    folder = tmp_path_factory.mktemp("chromium")
    with Chromium(folder / "profile") as started:
        yield started
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a real capture, of one full of hostile names and losses, and of an empty one."""
    folder = tmp_path_factory.mktemp("pages")
    evil = [
        plain_row(
            ts=START + n * 1000, dur_ns=n * 700, syscall="openat", comm=text, path=f"/{text}", ret=-2, errno="ENOENT"
        )
        for n, text in enumerate(HOSTILE * 5)
    ]
    lost = loss_row("read", 17, ts=START + 5000, dur_ns=9000)
    captures = {
        "web": WEB,
        "evil": write_parquet(folder / "evil.parquet", [*make_rows(200), *evil, lost]),
        "empty": write_parquet(folder / "empty.parquet", []),
    }
    made = {}
    for name, capture in captures.items():
        with Session([str(capture)]) as session:
            made[name] = folder / f"{name}.html"
            made[name].write_text(report_page(session, [], lambda _: None), encoding="utf-8")
    made["diff"] = folder / "diff.html"
    words = ["diff", str(captures["empty"]), str(captures["evil"]), "-n", "0", "-w", str(made["diff"])]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    return made


def see_all(browser: Chromium) -> None:
    """Scroll to the end, so that all pictures are drawn, and back."""
    browser.run("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    for name in ("timeline", "heatmap", "flame"):
        holder = f"document.getElementById('{name}-chart')"
        browser.run(f"{holder} && {holder}.scrollIntoView({{behavior: 'instant', block: 'center'}})")
        browser.wait(f"!{holder} || {holder}.dataset.drawn !== undefined")


@pytest.mark.parametrize("name", ["web", "evil", "empty", "diff"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_the_page_is_silent(browser: Chromium, pages: dict[str, Path], name: str, width: int, dark: bool) -> None:
    """No error, no warning, no violation of its policy, no request; nothing hangs over the edge of a phone."""
    browser.look(width, 900, dark=dark)
    browser.open(pages[name])
    see_all(browser)
    assert browser.complaints() == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert browser.run("document.querySelectorAll('img, iframe, object, embed, main script').length") == 0


def test_complaints_are_seen(browser: Chromium, pages: dict[str, Path]) -> None:
    """The tests above can fail: what the policy forbids, an error and a request are all complaints."""
    browser.open(pages["empty"])
    browser.run("document.body.insertAdjacentHTML('beforeend', '<img src=http://127.0.0.1:9/ onerror=alert(1)>')")
    browser.run("console.error('told')")
    browser.run("new Promise(done => setTimeout(done, 100))")
    told = "\n".join(browser.complaints())
    assert "Content Security Policy" in told
    assert "told" in told


def rows(section: str) -> str:
    """JavaScript for the texts of a section's rows."""
    return f"[...document.querySelectorAll('#{section} tbody tr')].map(row => row.innerText)"


def test_tables_sort_and_search(browser: Chromium, pages: dict[str, Path]) -> None:
    """By number from the greatest, then from the least; a search leaves what has the text."""
    browser.look(1280, 900)
    browser.open(pages["web"])
    head = "document.querySelector('#calls th[data-column=calls] button')"
    numbers = (
        "[...document.querySelectorAll('#calls tbody tr')].map(r => Number(r.cells[1].innerText.replace(/,/g, '')))"
    )
    browser.run(f"{head}.click()")
    down = browser.run(numbers)
    assert down == sorted(down, reverse=True) and len(set(down)) > 3
    browser.run(f"{head}.click()")
    up = browser.run(numbers)
    assert up == sorted(up)
    browser.run(
        "{ const box = document.querySelector('#calls input[type=search]'); box.value = 'OPENAT';"
        " box.dispatchEvent(new Event('input')); }"
    )
    browser.wait("document.querySelectorAll('#calls tbody tr').length === 1")
    assert browser.run(rows("calls"))[0].startswith("openat")


def test_a_click_on_the_flame_graph_goes_into_it(browser: Chromium, pages: dict[str, Path]) -> None:
    """With the mouse on the second line, the first process becomes the whole; the first crumb leads back."""
    browser.look(1280, 900)
    browser.open(pages["web"])
    see_all(browser)
    crumbs = "[...document.querySelectorAll('.crumbs button')].map(button => button.innerText)"
    left, top = browser.run("(r => [r.x, r.y])(document.getElementById('flame-chart').getBoundingClientRect())")
    browser.press(left + 20, top + 36)
    browser.wait(f"{crumbs}.length === 2")
    assert browser.run(crumbs)[0] == "all"
    browser.press(left + 20, top + 60)
    browser.wait(f"{crumbs}.length === 3")
    browser.run("document.querySelector('.crumbs button').click()")
    assert browser.run(crumbs) == ["all"]


def test_a_rectangle_on_the_heat_map_zooms(browser: Chromium, pages: dict[str, Path]) -> None:
    """Drawn with the mouse; a button goes back to the whole capture."""
    browser.look(1280, 900)
    browser.open(pages["web"])
    see_all(browser)
    browser.run("document.getElementById('heatmap-chart').scrollIntoView({behavior: 'instant', block: 'center'})")
    left, top = browser.run("(r => [r.x, r.y])(document.getElementById('heatmap-chart').getBoundingClientRect())")
    hidden = "document.getElementById('heatmap-reset').hidden"
    assert browser.run(hidden)
    browser.press(left + 300, top + 60, to=(left + 600, top + 200))
    browser.wait(f"!{hidden}")
    browser.run("document.getElementById('heatmap-reset').click()")
    assert browser.run(hidden)


def test_changes_are_narrowed_by_kind(browser: Chromium, pages: dict[str, Path]) -> None:
    """The second choice leaves changes of one kind, as many as it says."""
    browser.look(1280, 900)
    browser.open(pages["diff"])
    choice = "document.querySelectorAll('#changes .choices button')[1]"
    browser.run(f"{choice}.click()")
    kind, count = browser.run(f"{choice}.innerText").split()
    told = browser.run("[...document.querySelectorAll('#changes tbody .badge')].map(badge => badge.innerText)")
    assert {text.split()[1] for text in told} == {kind}
    assert len(told) == min(int(count), 15)


def test_the_first_picture_comes_at_once(browser: Chromium, pages: dict[str, Path]) -> None:
    """Within two seconds of opening the file."""
    browser.look(1280, 900)
    browser.open(pages["web"])
    browser.wait("performance.getEntriesByName('first-contentful-paint').length")
    assert browser.run("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 2000
