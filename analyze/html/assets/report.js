// The page of `analyze report`: its sections.

// Tabs: one of several views of a section at a time; each is made when it is first chosen.
function tabs(label, views) {
  const panel = element("div");
  const made = new Map();
  const open = (name) => {
    if (!made.has(name)) made.set(name, views.find(([title]) => title === name)[1]());
    panel.replaceChildren(made.get(name));
    drawWhenNear();
  };
  const bar = choices(label, views.map(([title]) => [title, title]), views[0][0], open);
  open(views[0][0]);
  return element("div", {}, bar, panel);
}

// Calls of each name by the power of two of their duration, from 64 ns to 17 s: the heat map without the time.
function spreads() {
  const [first, last] = [6, 34];
  const made = new Map();
  const [names, least, calls] = ["syscall", "least_ns", "calls"].map((name) => TABLES.heatmap.values(name));
  names.forEach((name, row) => {
    if (!made.has(name)) made.set(name, Array.from({ length: last - first + 1 }, () => 0));
    const power = Math.floor(Math.log2(Math.max(least[row], 1)));
    made.get(name)[Math.max(first, Math.min(last, power)) - first] += calls[row];
  });
  return made;
}

const SPREADS = spreads();

// How a call's durations are spread, as a little picture.
function distribution(row) {
  const bars = SPREADS.get(TABLES.calls.values("syscall")[row]);
  if (!bars) return "";
  const most = Math.max(...bars);
  const tall = (count) => (count ? 2 + 14 * Math.log1p(count) / Math.log1p(most) : 0);
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", `0 0 ${bars.length * 4} 16`);
  picture.setAttribute("class", "spark");
  bars.forEach((count, place) => {
    const bar = document.createElementNS(picture.namespaceURI, "rect");
    Object.entries({ x: place * 4, y: 16 - tall(count), width: 3, height: tall(count) }).forEach(([key, value]) => bar.setAttribute(key, value));
    picture.append(bar);
  });
  return picture;
}

const spread = { name: "spread", help: "Durations in powers of two, from 64 ns at the left to 17 s at the right", draw: distribution };

const SECTIONS = {
  overview: overviewView,
  timeline: () => timelineView(TABLES.timeline),
  latency: () => heatmapView(TABLES.heatmap),
  flame: () => flameView(TABLES.stacks, TABLES.leaves),
  calls: () => tabs("Which table", [
    ["Calls", () => tableView(TABLES.calls, { columns: [...TABLES.calls.columns, spread] })],
    ["Programs", () => tableView(TABLES.programs)],
    ["Users", () => tableView(TABLES.users)],
    ["Control groups", () => tableView(TABLES.cgroups)],
    ["Waiting", () => tableView(TABLES.waiting, { nothing: "No call took long enough to have waited." })],
    ["Slowest", () => tableView(TABLES.slowest)],
    ["Repeated", () => tableView(TABLES.repeats, { nothing: "Nothing was done over and over." })],
  ]),
  processes: () => treeView(TABLES.processes),
  files: () => tableView(TABLES.files, { nothing: "No call was about a file." }),
  peers: () => tableView(TABLES.peers, { nothing: "No call was about a socket whose other end is known." }),
  errors: () => tabs("Which table", [
    ["By call", () => tableView(TABLES.errors, { nothing: "No call failed." })],
    ["By path", () => tableView(TABLES.failing, { nothing: "No call failed." })],
  ]),
  losses: () => element("div", {}, element("p", { class: DATA.complete.complete ? "good" : "bad" }, DATA.complete.sentence), TABLES.losses.rows ? tableView(TABLES.losses) : null),
};

start(SECTIONS);
