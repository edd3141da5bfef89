"""One HTML file out of a body, data and scripts: nothing in it comes from elsewhere, and nothing else in it may run."""

import base64
import hashlib
import html
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

from analyze.html.encode import to_json
from schemas.version import TOOL_VERSION

ASSETS = files("analyze") / "html" / "assets"
VENDOR = files("analyze") / "html" / "vendor"


COMMON = ("format.js", "dom.js", "data.js", "table.js", "start.js")
"""Scripts of every page."""


def page(
    title: str,
    body: str,
    data: Any,  # noqa: ANN401 - whatever can be JSON
    scripts: Sequence[str],
    *,
    links: Sequence[tuple[str, str]] = (),
    pictures: bool = False,
) -> str:
    """The page: `body` is HTML, `data` becomes JSON, `scripts` are files of assets/, which run after the common ones.

    `links` are pairs of id and text; `pictures` takes the plotting library in.
    """
    style = _read("page.css")
    theme = _read("theme.js")
    library = (VENDOR / "echarts.min.js").read_text() if pictures else ""
    own = "\n".join(_read(name) for name in (*COMMON, *scripts))
    script = f'"use strict";\n(() => {{\n{own}}})();'
    return Template(_read("page.html")).substitute(
        policy=policy([theme, library, script], [style]),
        version=html.escape(TOOL_VERSION),
        title=html.escape(title),
        links="".join(f'<a href="#{name}">{text}</a>' for name, text in links),
        body=body,
        notice=f"<details><summary>Licences</summary><pre>{html.escape(notice())}</pre></details>" if pictures else "",
        data=to_json(data),
        style=style,
        theme=theme,
        library=library,
        script=script,
    )


def policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """A Content-Security-Policy under which these scripts and styles run, no other, and nothing is loaded."""
    return (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {' '.join(map(_hash, styles))}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def notice() -> str:
    """Whose work is in the page beside ours."""
    names = ("echarts.NOTICE", "echarts.LICENSE-d3")
    parts = [(VENDOR / name).read_text().strip() for name in names]
    return "\n\n".join(["Apache ECharts 6.1.0, Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0).", *parts])


def body_of(name: str, **values: str) -> str:
    """A file of assets/ with these values, which are HTML, in their places."""
    return Template(_read(name)).substitute(values)


def _read(name: str) -> str:
    return (ASSETS / name).read_text()


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
