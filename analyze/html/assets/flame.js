// Where the time went: process, then call, then file or peer, each as wide as its share. A click makes one the whole.

const FRAME = 24;
const WEIGHTS = [["time_ns", "Time"], ["calls", "Calls"], ["errors", "Errors"]];

// The tree {name, kind, time_ns, calls, errors, children}, of the totals by call and of what the page has below them.
function flameTree(totals, leaves) {
  const node = (name, kind) => ({ name, kind, time_ns: 0, calls: 0, errors: 0, children: [], known: new Map() });
  const root = node("all", "all");
  const child = (parent, name, kind) => {
    if (!parent.known.has(name)) {
      const made = node(name, kind);
      made.parent = parent;
      parent.known.set(name, made);
      parent.children.push(made);
    }
    return parent.known.get(name);
  };
  const add = (to, row) => WEIGHTS.forEach(([weight]) => { to[weight] += row[weight] || 0; });
  for (let index = 0; index < totals.rows; index++) {
    const row = totals.row(index);
    const process = child(root, row.comm || "?", "process");
    [root, process, child(process, row.syscall || "?", "call")].forEach((to) => add(to, row));
  }
  for (let index = 0; index < leaves.rows; index++) {
    const row = leaves.row(index);
    const about = row.file || row.peer;
    const call = child(child(root, row.comm || "?", "process"), row.syscall || "?", "call");
    if (about) add(child(call, about, row.file ? "file" : "peer"), row);
  }
  return root;
}

function flameView(totals, leaves) {
  if (!totals.rows) return empty("No calls.");
  const root = flameTree(totals, leaves);
  let [weight, focus, wanted] = ["time_ns", root, ""];
  let made = null;
  const holder = element("div", { class: "chart flame", id: "flame-chart", role: "img", "aria-label": "Time by process, call and file" });
  const crumbs = element("nav", { class: "crumbs", "aria-label": "Where the flame graph is" });
  const told = element("span", { class: "note", role: "status" });
  const hue = new Map([...root.children].sort((a, b) => b.time_ns - a.time_ns).map((child, place) => [child.name, HUES[place % HUES.length]]));
  const show = (value) => (weight === "time_ns" ? duration(value) : grouped(value));

  const matches = (node) => wanted && node.name.toLowerCase().includes(wanted);

  // Frames as [from, to, depth, place in `nodes`]; what is above the focus is as wide as all.
  function frames() {
    const [nodes, data] = [[], []];
    const total = focus[weight];
    if (!total) return { nodes, data };
    const above = [];
    for (let node = focus.parent; node; node = node.parent) above.unshift(node);
    above.forEach((node, depth) => { data.push([0, 1, depth, nodes.push(node) - 1]); });
    const lay = (node, from, depth) => {
      const share = node[weight] / total;
      if (share < 0.0004) return;
      data.push([from, from + share, depth, nodes.push(node) - 1]);
      let at = from;
      for (const child of [...node.children].sort((a, b) => b[weight] - a[weight])) {
        lay(child, at, depth + 1);
        at += child[weight] / total;
      }
    };
    lay(focus, 0, above.length);
    return { nodes, data };
  }

  let nodes = [];
  function option() {
    const laid = frames();
    nodes = laid.nodes;
    return {
      grid: { left: 0, right: 0, top: 0, bottom: 0 },
      tooltip: { ...tooltipStyle(), formatter: ({ data }) => describe(nodes[data[3]]) },
      xAxis: { show: false, min: 0, max: 1 },
      yAxis: { show: false, inverse: true, min: 0, max: 4 },
      series: [{ type: "custom", renderItem: frame, data: laid.data, encode: { x: [0, 1], y: 2 }, clip: true }],
    };
  }

  function frame(_, api) {
    const [from, to, depth] = [api.value(0), api.value(1), api.value(2)];
    const node = nodes[api.value(3)];
    const [left, top] = api.coord([from, depth]);
    const [right] = api.coord([to, depth]);
    const wide = Math.max(right - left - 1, 0.5);
    const dim = wanted && !matches(node);
    return {
      type: "rect",
      shape: { x: left, y: top, width: wide, height: FRAME - 2, r: 2 },
      style: { fill: fill(node), opacity: dim ? 0.25 : 1 },
      emphasis: { style: { stroke: color("ink"), lineWidth: 1 } },
      textContent: wide > 36 ? { style: { text: label(node), fill: color("on-flame"), fontSize: 12, fontFamily: FONT, width: wide - 10, overflow: "truncate", ellipsis: "…" } } : undefined,
      textConfig: { position: "insideLeft", distance: 5 },
    };
  }

  const label = (node) => (node === root ? `all: ${show(node[weight])}` : node.name);

  function fill(node) {
    if (node === root) return color("flame-all");
    let process = node;
    while (process.parent !== root) process = process.parent;
    const depth = { process: 1, call: 0.84, file: 0.66, peer: 0.66 }[node.kind];
    return mix(color(hue.get(process.name).replace("h", "f")), color("card"), depth);
  }

  function describe(node) {
    return tip(node.name, [
      node.kind === "all" ? null : ["", node.kind],
      ["time", `${duration(node.time_ns)} (${percent(root.time_ns ? node.time_ns / root.time_ns : 0)})`],
      ["calls", `${grouped(node.calls)} (${percent(root.calls ? node.calls / root.calls : 0)})`],
      ["failed", grouped(node.errors)],
      node.calls ? ["mean", duration(node.time_ns / node.calls)] : null,
    ]);
  }

  function go(node) {
    focus = node;
    const path = [];
    for (let one = focus; one; one = one.parent) path.unshift(one);
    crumbs.replaceChildren(...path.map((one) => element("button", { type: "button", disabled: one === focus, onclick: () => go(one) }, one === root ? "all" : one.name)));
    if (made) made.draw();
  }

  function find(text) {
    wanted = text;
    const sum = (node) => (matches(node) ? node[weight] : node.children.reduce((total, child) => total + sum(child), 0));
    told.textContent = wanted ? `${show(sum(root))}, ${percent(root[weight] ? sum(root) / root[weight] : 0)} of all` : "";
    made.draw();
  }

  go(root);
  later(holder, () => {
    made = chart(holder, option, (drawn) => drawn.on("click", ({ data }) => go(nodes[data[3]])));
  });
  return element("div", { class: "view" },
    element("div", { class: "tools" }, choices("What the width means", WEIGHTS, weight, (value) => { weight = value; made.draw(); }), searchBox("Highlight", find), told),
    crumbs, holder, command(leaves));
}
