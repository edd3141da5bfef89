"""The page of `analyze report`: its numbers are the reports', it is one file, and no name in it is obeyed."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from analyze import cli, reports
from analyze.html import collect, encode
from analyze.html.page import VENDOR, policy
from analyze.reports.run import Options, run
from analyze.session import Session
from tests.unit.analyze.captures import START, loss_row, make_rows, plain_row, write_parquet

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = sorted((ROOT / "samples").glob("*.parquet"))
MOST = 5_000_000
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "\x1b[31m\x07\u202egnp.exe\u2066",
    "${alert(1)}<!--<script>",
    "\u2028\u2029 & &lt;",
)


class Parsed(HTMLParser):
    """What a browser would find in a page: its elements, and the texts of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._within = tag in ("script", "style")
        if self._within:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[-1] += data

    @property
    def data(self) -> dict[str, Any]:
        """The JSON that the page carries."""
        places = [attrs.get("id") for tag, attrs in self.elements if tag in ("script", "style")]
        found: dict[str, Any] = json.loads(self.texts[places.index("data")])
        return found


def make(tmp_path: Path, *words: str) -> str:
    """The page that a command writes."""
    out = tmp_path / "page.html"
    ran = CliRunner().invoke(cli.app, ["report", *words, "-o", str(out), "--force"])
    assert ran.exit_code == 0, ran.output
    return out.read_text(encoding="utf-8")


def values(column: dict[str, Any]) -> list[Any]:
    """A column's values, whichever way they are written."""
    return column["values"] if "values" in column else [column["dict"][code] for code in column["codes"]]


def expected(session: Session, part: collect.Part, interval: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names and rows of the report, asked for by itself."""
    params = {"interval": interval} if part.name in ("timeline", "heatmap") else {}
    params |= {"steps": str(collect.STEPS)} if part.name == "heatmap" else {}
    answer = run(session, reports.find(part.report), Options(by=part.by, limit=part.limit, params=params))
    return [column.name for column in answer.result.columns], list(answer.result.rows())


def lossy(tmp_path: Path) -> Path:
    """A capture with many calls, and with some lost."""
    rows = [*make_rows(3000), loss_row("read", 17, ts=START + 5000, dur_ns=900), loss_row(None, 3, ts=START + 9000)]
    return write_parquet(tmp_path / "lossy.parquet", rows)


@pytest.mark.parametrize("filter_", [None, "evt.failed", "fd.name startswith /etc"])
def test_the_numbers_are_those_of_the_reports(tmp_path: Path, filter_: str | None) -> None:
    """Every value of every table equals what the report returns that is asked alone, without and with a filter."""
    for path in [lossy(tmp_path), *([] if filter_ else [ROOT / "samples" / "web.parquet"])]:
        data = Parsed(make(tmp_path, str(path), *(["-f", filter_] if filter_ else []))).data
        begin = int(data["begin"])
        with Session([str(path)], filters=[filter_] if filter_ else []) as session:
            for part in collect.PARTS:
                made = data["tables"][part.name]
                names, rows = expected(session, part, f"{data['interval']}ns")
                assert [column["name"] for column in made["columns"]] == names, part
                assert made["rows"] == len(rows)
                for column, cells in zip(made["columns"], zip(*rows, strict=True), strict=False):
                    times = column["type"] == "TIMESTAMP_NS"
                    wanted = [cell - begin if times and cell is not None else cell for cell in cells]
                    shown = [encode.text(cell) if isinstance(cell, str) else cell for cell in wanted]
                    as_json = json.loads(json.dumps(shown))
                    assert values(column) == as_json, (part, column["name"])


def test_totals_and_losses_are_said(tmp_path: Path) -> None:
    """The total counts rows that the page leaves out, and what was lost stands at its head."""
    path = lossy(tmp_path)
    page = make(tmp_path, str(path))
    data = Parsed(page).data
    assert data["tables"]["calls"]["totals"]["calls"] == 3000
    assert data["complete"]["lost"] == 20
    assert data["tables"]["timeline"]["doubtful"]
    assert "20 lost" in page.partition("<noscript>")[0] + page.partition("</noscript>")[2][:2000]


def test_names_are_not_obeyed(tmp_path: Path) -> None:
    """Whatever names say, the page has the elements that ours has without them, and no control character."""
    plain = [plain_row(ts=START + n, dur_ns=5, syscall="openat", comm=f"c{n}", path=f"/p{n}", ret=3) for n in range(6)]
    evil = [
        {**row, "comm": text, "path": f"/{text}", "addr": text, "cgroup": text}
        for row, text in zip(plain, HOSTILE, strict=True)
    ]
    good = Parsed(make(tmp_path, str(write_parquet(tmp_path / "x.parquet", plain))))
    page = make(tmp_path, str(write_parquet(tmp_path / "x.parquet", evil, host="<b>&", command=HOSTILE[0])))
    bad = Parsed(page)
    assert [tag for tag, _ in bad.elements] == [tag for tag, _ in good.elements]
    assert "<!--" not in page.partition('id="data">')[2].partition("</script>")[0]
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028\u2029\u2066-\u2069]", json.dumps(bad.data, ensure_ascii=False)
    )
    names = {name for column in bad.data["tables"]["programs"]["columns"] for name in values(column)}
    assert names >= {encode.text(text) for text in HOSTILE}


def test_a_filter_and_a_file_s_name_are_not_obeyed(tmp_path: Path) -> None:
    """They stand in the page's own HTML."""
    path = write_parquet(tmp_path / "<b>&.parquet", make_rows(20))
    page = make(tmp_path, str(path), "-f", 'proc.name != "<i>x</i>"')
    assert "<b>" not in page.partition("<script type")[0]
    assert "<i>" not in page.partition("<script type")[0]
    assert "&lt;i&gt;" in page


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    """No element names a source, and the policy lets only the page's own scripts and styles run, by their hashes."""
    parsed = Parsed(make(tmp_path, str(SAMPLES[0])))
    assert [attrs for _, attrs in parsed.elements if attrs.keys() & {"src", "srcset", "data", "action"}] == []
    links = [attrs["href"] for _, attrs in parsed.elements if "href" in attrs]
    assert all(link and link.startswith("#") for link in links)
    found = next(attrs["content"] for _, attrs in parsed.elements if "http-equiv" in attrs)
    kinds = [(tag, attrs.get("type")) for tag, attrs in parsed.elements if tag in ("script", "style")]
    scripts = [text for (tag, kind), text in zip(kinds, parsed.texts, strict=True) if tag == "script" and not kind]
    styles = [text for (tag, _), text in zip(kinds, parsed.texts, strict=True) if tag == "style"]
    assert found == policy(scripts, styles)
    assert "unsafe" not in found
    assert found.startswith("default-src 'none';")
    assert not [name for _, attrs in parsed.elements for name in attrs if name.startswith("on") or name == "style"]


def test_the_page_stays_small(tmp_path: Path) -> None:
    """Below 5 MB also where every name is as long as it can be and needs escapes; rows left out are counted."""
    texts = [f"{'<' * 4000}{n:06}" for n in range(2500)]
    rows = [
        plain_row(ts=START + n * 1000, dur_ns=5, syscall="openat", path=f"/{text}", ret=-2, errno="ENOENT")
        for n, text in enumerate(texts)
    ]
    page = make(tmp_path, str(write_parquet(tmp_path / "x.parquet", rows)))
    assert len(page.encode()) < MOST
    files = Parsed(page).data["tables"]["files"]
    assert 0 < files["rows"] < 1000
    assert files["total"] == 2500


def test_an_empty_capture_has_a_page(tmp_path: Path) -> None:
    """Nothing recorded is no error, nor is a filter that keeps nothing."""
    make(tmp_path, str(write_parquet(tmp_path / "x.parquet", [])))
    make(tmp_path, str(SAMPLES[0]), "-f", "proc.name = nobody")


def test_several_captures_are_one_page(tmp_path: Path) -> None:
    """As for reports; the title names them."""
    page = make(tmp_path, *map(str, SAMPLES[:2]))
    assert f"{SAMPLES[0].name}, {SAMPLES[1].name}" in page


@pytest.mark.parametrize(
    ("words", "status"),
    [(["-o", "t.html"], 6), (["-o", "x.parquet", "--force"], 2), (["-f", "evt.x = 1"], 2), (["-o", "no/t.html"], 6)],
)
def test_what_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int
) -> None:
    """A file that is there, the capture itself, a folder that is not; and a filter that is none."""
    monkeypatch.chdir(tmp_path)
    write_parquet(tmp_path / "x.parquet", make_rows(20))
    (tmp_path / "t.html").write_text("mine")
    monkeypatch.setattr("sys.argv", ["analyze", "report", "x.parquet", *words])
    assert cli.run() == status
    assert (tmp_path / "t.html").read_text() == "mine"


def test_a_diff_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The changes that `--format json` gives, all of them, as inert as names in other pages."""
    monkeypatch.chdir(tmp_path)
    rows = make_rows(200)
    evil = [
        plain_row(ts=START + n, dur_ns=5, syscall="openat", path=f"/{HOSTILE[0]}", ret=-2, errno="ENOENT")
        for n in range(30)
    ]
    words = [
        "diff",
        str(write_parquet(tmp_path / "a.parquet", rows)),
        str(write_parquet(tmp_path / "b.parquet", rows + evil)),
    ]
    ran = CliRunner().invoke(cli.app, [*words, "-n", "0", "--format", "json", "-q"])
    made = CliRunner().invoke(cli.app, [*words, "-n", "0", "-w", "d.html"])
    assert (ran.exit_code, made.exit_code) == (0, 0), made.output
    page = Parsed((tmp_path / "d.html").read_text(encoding="utf-8"))
    changes = page.data["tables"]["changes"]
    found = [
        dict(zip((column["name"] for column in changes["columns"]), cells, strict=True))
        for cells in zip(*map(values, changes["columns"]), strict=True)
    ]
    assert found == json.loads(ran.output) != []
    assert [tag for tag, _ in page.elements].count("script") == 4
    assert page.data["after"]["facts"][-1].startswith("230 calls")


def test_any_answer_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a report and of a query, without the plotting library."""
    monkeypatch.chdir(tmp_path)
    write_parquet(tmp_path / "x.parquet", make_rows(100))
    for words in (["top", "x.parquet", "--by", "process"], ["sql", "x.parquet", "SELECT 1 AS a, '<b>' AS b"]):
        ran = CliRunner().invoke(cli.app, [*words, "-w", "o.html", "--force"])
        assert ran.exit_code == 0, ran.output
        page = (tmp_path / "o.html").read_text(encoding="utf-8")
        assert len(page) < 100_000
        assert Parsed(page).data["tables"]["answer"]["rows"] == (5 if words[0] == "top" else 1)
        assert "<b>" not in page


def test_the_library_is_what_its_note_says() -> None:
    """Unchanged, by its sum, and with its licence."""
    import hashlib

    note = (VENDOR / "README.md").read_text()
    library = (VENDOR / "echarts.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() in note
    assert b"</script" not in library
    version = re.search(rb't\.version="([\d.]+)"', library)
    assert version and version[1].decode() in note
