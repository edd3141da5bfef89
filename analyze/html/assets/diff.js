// The page of `analyze diff`: the changes, the most telling first, each with how much it changed.

const NEW = new Set(["new", "more", "slower"]);

// A number with the unit of its row.
const inUnit = (value, unit) => (unit === "ns" ? duration(value) : unit === "times" ? `${three(value)} times` : grouped(value));

// How many times as much, as a bar from the middle: to the right more, to the left less, in powers of two up to 64.
function ratioBar(row) {
  const change = CHANGES.row(row);
  const bar = element("span", { class: `ratio ${NEW.has(change.change) ? "up" : "down"}` });
  const text = change.ratio === null ? change.change : change.ratio === 0 ? "gone" : `× ${three(change.ratio)}`;
  const power = change.ratio ? Math.max(-6, Math.min(6, Math.log2(change.ratio))) : NEW.has(change.change) ? 6 : -6;
  bar.style.left = `${50 + (Math.min(power, 0) * 50) / 6}%`;
  bar.style.width = `${(Math.abs(power) * 50) / 6}%`;
  return element("div", { class: "change" }, element("span", { class: "axis" }, bar), element("span", {}, text));
}

const CHANGES = TABLES.changes;

function badge(row) {
  const change = CHANGES.values("change")[row];
  return element("span", { class: `badge ${NEW.has(change) ? "bad" : "good"}` }, `${change} ${CHANGES.values("kind")[row]}`);
}

function changesView() {
  if (!CHANGES.rows) return element("p", { class: "good" }, "Nothing of weight changed.");
  const kinds = CHANGES.countBy("kind");
  const holder = element("div");
  const show = (kind) => {
    const rows = Array.from({ length: CHANGES.rows }, (_, row) => row).filter((row) => !kind || CHANGES.values("kind")[row] === kind);
    holder.replaceChildren(tableView(CHANGES, { rows, columns: COLUMNS }));
  };
  show("");
  const options = [["", `all ${grouped(CHANGES.rows)}`], ...kinds.map(([kind, count]) => [kind, `${kind} ${grouped(count)}`])];
  return element("div", {}, choices("Which changes", options, "", show), holder);
}

const drawn = (name, help, draw, text) => ({ name, help, draw, values: text });
const sided = (name) => drawn(name, `In ${DATA[name].name}`, (row) => inUnit(CHANGES.values(name)[row], CHANGES.values("unit")[row]), CHANGES.values(name));

const COLUMNS = [
  drawn("change", "New, gone, more, less, slower or faster", badge, CHANGES.values("change").map((change, row) => `${change} ${CHANGES.values("kind")[row]}`)),
  CHANGES.column("process"),
  CHANGES.column("call"),
  CHANGES.column("what"),
  { ...sided("before"), numeric: true },
  { ...sided("after"), numeric: true },
  { ...drawn("ratio", "After over before", ratioBar, CHANGES.values("ratio")), numeric: true, wide: true },
  { ...CHANGES.column("score"), help: "How telling: the table begins with the greatest" },
];

function side(name) {
  const { name: file, facts } = DATA[name];
  return element("div", { class: "tile" }, element("span", { class: "label" }, name), element("b", {}, element("bdi", {}, file)), ...facts.map((fact) => element("span", { class: "detail" }, fact)));
}

start({
  sides: () => element("div", { class: "tiles" }, side("before"), side("after")),
  changes: changesView,
});
