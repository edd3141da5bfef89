// Processes, each below the one that made it; those that took most time first.

const CHILDREN_SHOWN = 100;

function processForest(table) {
  const rows = Array.from({ length: table.rows }, (_, index) => ({ ...table.row(index), children: [] }));
  const key = (host, pid) => `${pid}@${host}`;
  const known = new Map(rows.map((row) => [key(row.host, row.pid), row]));
  const roots = [];
  for (const row of rows) {
    const parent = row.ppid === null ? undefined : known.get(key(row.host, row.ppid));
    // A pid that was used twice could be its own ancestor.
    let above = parent;
    while (above && above !== row) above = above.above;
    if (parent && above !== row) { row.above = parent; parent.children.push(row); } else roots.push(row);
  }
  const order = [];
  const stack = [...roots];
  while (stack.length) { const row = stack.pop(); order.push(row); stack.push(...row.children); }
  for (const row of order.reverse()) {
    row.below = row.children.reduce((total, child) => total + child.below + 1, 0);
    row.whole = row.children.reduce((total, child) => total + child.whole, row.calls);
    row.children.sort((a, b) => b.whole - a.whole);
  }
  return roots.sort((a, b) => b.whole - a.whole);
}

function treeView(table) {
  if (!table.rows) return empty("No process made a call.");
  const roots = processForest(table);
  const column = (name) => table.column(name);
  const body = element("tbody");
  const open = new Set();
  let wanted = "";
  const unfold = (rows, depth) => rows.slice(0, 12).forEach((row) => {
    if (depth && row.children.length) { open.add(row); unfold(row.children, depth - 1); }
  });
  unfold(roots, 3);

  const text = (row) => `${row.pid} ${row.process || ""} ${row.cmdline || ""}`.toLowerCase();
  const hit = (row) => !wanted || text(row).includes(wanted);

  // Rows that are found, and whatever they are below of.
  function kept(rows) {
    const made = new Set();
    const stack = [...rows];
    while (stack.length) {
      const row = stack.pop();
      if (hit(row)) for (let one = row; one && !made.has(one); one = one.above) made.add(one);
      stack.push(...row.children);
    }
    return made;
  }

  function line(row, depth) {
    const folded = !open.has(row);
    const twisty = row.children.length
      ? element("button", { type: "button", class: "twisty", "aria-expanded": String(!folded), "aria-label": folded ? "Unfold" : "Fold", onclick: () => { folded ? open.add(row) : open.delete(row); fill(); } }, folded ? "▸" : "▾")
      : element("span", { class: "twisty" });
    const name = element("td", { class: "process", title: row.cmdline || row.process });
    name.style.paddingLeft = `${Math.min(depth, 20) * 16 + 6}px`;
    name.append(twisty, element("b", {}, row.process || "?"), " ", element("bdi", { class: "command-line" }, row.cmdline || ""));
    if (folded && row.below) name.append(element("span", { class: "pill" }, `+${grouped(row.below)}`));
    const number = (name) => element("td", { class: "number" }, cellText(row[name], column(name)));
    return element("tr", {}, name, number("pid"), number("threads"), number("calls"), number("errors"), number("time_ns"), number("life_ns"), element("td", { class: row.ended && row.ended !== "exit 0" ? "bad" : null }, row.ended || ""));
  }

  function fill() {
    const found = kept(roots);
    const lines = [];
    const visit = (rows, depth) => {
      const shown = rows.filter((row) => found.has(row));
      for (const row of shown.slice(0, CHILDREN_SHOWN)) {
        lines.push(line(row, depth));
        if (wanted ? row.children.some((child) => found.has(child)) : open.has(row)) visit(row.children, depth + 1);
        if (lines.length > 3000) return;
      }
      if (shown.length > CHILDREN_SHOWN) lines.push(element("tr", {}, element("td", { colspan: 8, class: "empty" }, `and ${grouped(shown.length - CHILDREN_SHOWN)} more; search to find one`)));
    };
    visit(roots, 0);
    body.replaceChildren(...lines);
    if (!lines.length) body.append(element("tr", {}, element("td", { colspan: 8, class: "empty" }, "No process has this text.")));
    note.textContent = wanted ? `${grouped([...found].filter(hit).length)} found` : `${grouped(table.total)} processes${table.total > table.rows ? `, the page has ${grouped(table.rows)}` : ""}`;
  }

  const note = element("span", { class: "note", role: "status" });
  const all = (opened) => { open.clear(); if (opened) { const stack = [...roots]; while (stack.length) { const row = stack.pop(); if (row.children.length) open.add(row); stack.push(...row.children); } } fill(); };
  const head = (title, number = true) => element("th", { scope: "col", class: number ? "number" : null }, title);
  fill();
  return element("div", { class: "view" },
    element("div", { class: "tools" }, searchBox("Search name, command line, pid", (text) => { wanted = text; fill(); }),
      element("button", { type: "button", onclick: () => all(true) }, "Unfold all"), element("button", { type: "button", onclick: () => all(false) }, "Fold all"), note),
    element("div", { class: "scroll tree", tabindex: "0", role: "region", "aria-label": "Processes" }, element("table", {},
      element("thead", {}, element("tr", {}, head("process", false), head("pid"), head("threads"), head("calls"), head("errors"), head("time"), head("lived"), head("ended", false))), body)),
    command(table));
}
