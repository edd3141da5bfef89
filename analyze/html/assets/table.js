// A table that one can sort by any column and search.

const SHOWN_ROWS = 15;
const PATHS = new Set(["file", "path", "about", "cmdline", "what", "peer", "cgroup"]);

function sortedRows({ values, numeric }, rows, down) {
  const nothing = (value) => value === null || value === undefined;
  const compare = numeric ? (a, b) => a - b : (a, b) => String(a).localeCompare(String(b));
  return [...rows].sort((a, b) => {
    const [one, two] = [values[a], values[b]];
    if (nothing(one) || nothing(two)) return nothing(one) - nothing(two);
    return down ? compare(two, one) : compare(one, two);
  });
}

const rightward = (column) => column.numeric && !column.wide;

const places = (table) => Array.from({ length: table.rows }, (_, row) => row);

// A column's cell; the share of a total is drawn behind it.
function cell(table, column, row) {
  if (column.draw) return element("td", { class: rightward(column) ? "number" : null }, column.draw(row));
  const [value, text] = [column.values[row], table.text(column, row)];
  const long = PATHS.has(column.name);
  const made = element("td", { class: column.numeric ? "number" : long ? "path" : null, title: long || text.length > 40 ? text : null });
  if (column.name.endsWith("share") && typeof value === "number") {
    const bar = element("span", { class: "share" });
    bar.style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
    made.append(bar, element("span", { class: "over" }, text));
  } else if (long) {
    made.append(element("bdi", {}, text || "—"));
  } else {
    made.append(value === null && !column.numeric ? "—" : text);
  }
  return made;
}

// `columns` and `rows`, by their places: those that are shown. A column may have draw(row), which makes its cells; without
// values it does not sort. `nothing` is said of an empty table.
function tableView(table, { columns = table.columns, rows = places(table), nothing = "Nothing of the kind happened." } = {}) {
  if (!rows.length) return empty(nothing);
  const texts = Array.from({ length: table.rows }, (_, row) =>
    columns.filter((column) => !column.numeric && column.values).map((column) => String(column.values[row] ?? "")).join("\n").toLowerCase());
  let [shown, sort, down, wanted] = [SHOWN_ROWS, null, true, ""];
  const body = element("tbody");
  const note = element("span", { class: "note", role: "status" });
  const more = element("button", { type: "button", class: "more" });

  function fill() {
    const kept = wanted ? rows.filter((row) => texts[row].includes(wanted)) : rows;
    body.replaceChildren(...kept.slice(0, shown).map((row) =>
      element("tr", {}, ...columns.map((column) => cell(table, column, row)))));
    if (!kept.length) body.append(element("tr", {}, element("td", { colspan: columns.length, class: "empty" }, "No row has this text.")));
    const all = table.total > table.rows ? `the first ${grouped(table.rows)} of ${grouped(table.total)} rows` : `${grouped(rows.length)} rows`;
    note.textContent = wanted ? `${grouped(kept.length)} found in ${all}` : all;
    more.hidden = kept.length <= shown;
    more.textContent = `Show ${grouped(Math.min(kept.length - shown, 200))} more`;
  }

  function head(column) {
    const title = element("button", { type: "button", title: column.help || null }, columnTitle(column.name));
    const made = element("th", { scope: "col", class: rightward(column) ? "number" : null, "data-column": column.name }, column.values ? title : columnTitle(column.name));
    title.addEventListener("click", () => {
      down = sort === column.name ? !down : column.numeric;
      sort = column.name;
      for (const other of made.parentNode.children) other.removeAttribute("aria-sort");
      made.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows = sortedRows(column, rows, down);
      fill();
    });
    return made;
  }

  more.addEventListener("click", () => { shown += 200; fill(); });
  const search = searchBox("Search", (text) => { wanted = text; shown = SHOWN_ROWS; fill(); });
  const heads = element("thead", {}, element("tr", {}, ...columns.map(head)));
  fill();
  const tools = rows.length > 5 ? element("div", { class: "tools" }, search, note) : null;
  return element("div", { class: "view" }, tools, element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": table.title }, element("table", {}, heads, body, totals(table, columns))), more, command(table));
}

function totals(table, columns) {
  if (!table.totals || table.rows < 2) return null;
  const cells = columns.map((column, place) => {
    const value = table.totals[column.name];
    const text = value === undefined ? (place ? "" : "total") : cellText(Number(value), column);
    return element("td", { class: column.numeric ? "number" : null }, text);
  });
  return element("tfoot", {}, element("tr", {}, ...cells));
}

// The same answer in a terminal.
const command = (table) => (table.command ? element("p", { class: "command" }, element("code", {}, table.command)) : null);
