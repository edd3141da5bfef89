// What one should know first: how much, how long, how complete, and what stands out.

function tile(label, value, detail, kind) {
  return element("div", { class: `tile${kind ? ` ${kind}` : ""}` }, element("span", { class: "label" }, label), element("b", {}, value), element("span", { class: "detail" }, detail || " "));
}

function tiles() {
  const calls = TABLES.calls;
  const [count, errors, time] = ["calls", "errors", "time_ns"].map((name) => calls.sum(name));
  const seconds = DATA.span / 1e9;
  const processes = TABLES.processes;
  const { files, peers } = TABLES;
  const lost = DATA.complete.lost;
  return element("div", { class: "tiles" },
    tile("Calls", short(count), seconds > 0 ? `${short(Math.round(count / seconds))} a second` : ""),
    tile("Failed", percent(count ? errors / count : 0), `${grouped(errors)} calls`),
    tile("Time in calls", duration(time), "of all threads together"),
    tile("Processes", grouped(processes.total), `${grouped(processes.sum("threads"))} threads${processes.total > processes.rows ? " or more" : ""}`),
    tile("Files", grouped(files.total), `${size(files.sum("read_bytes"))} read, ${size(files.sum("written_bytes"))} written`),
    tile("Peers", grouped(peers.total), `${size(peers.sum("received_bytes"))} in, ${size(peers.sum("sent_bytes"))} out`),
    tile("Lost", grouped(lost), DATA.complete.complete ? "nothing is missing" : "see below", DATA.complete.complete ? "good" : "bad"));
}

// The greatest row of a table by a column.
function greatest(table, name) {
  const values = table.values(name);
  let best = -1;
  values.forEach((value, row) => { if (value && (best < 0 || value > values[best])) best = row; });
  return best < 0 ? null : table.row(best);
}

function findings() {
  const found = [];
  const say = (id, ...parts) => found.push(element("li", {}, element("a", { href: `#${id}` }, ...parts.map((part) => (Array.isArray(part) ? element("b", {}, part[0]) : part)))));
  const total = TABLES.calls.sum("calls");
  const time = TABLES.calls.sum("time_ns");
  const busiest = greatest(TABLES.programs, "calls");
  if (busiest) say("calls", [busiest.comm], ` made most calls: ${grouped(busiest.calls)}, ${percent(busiest.calls / total)} of all`);
  const longest = greatest(TABLES.calls, "time_ns");
  if (longest && time) say("flame", [longest.syscall], ` took most time: ${duration(longest.time_ns)}, ${percent(longest.time_ns / time)} of the time in calls`);
  const slow = greatest(TABLES.slowest, "dur_ns");
  if (slow) say("calls", "The longest call: ", [slow.syscall], ` by ${slow.comm}, ${duration(slow.dur_ns)}, ${since(slow.ts)} after the start`);
  const error = greatest(TABLES.errors, "errors");
  if (error) say("errors", [error.errno], ` from ${error.syscall} is the most frequent error: ${grouped(error.errors)} times`);
  const file = greatest(TABLES.files, "time_ns");
  if (file) say("files", [file.file], ` took more time than any other file: ${duration(file.time_ns)} in ${grouped(file.calls)} calls`);
  const peer = greatest(TABLES.peers, "calls");
  if (peer) say("peers", [peer.peer], ` was spoken with most: ${grouped(peer.calls)} calls`);
  return found.length ? element("ul", { class: "findings" }, ...found) : empty("The capture holds no call that the filter keeps.");
}

function overviewView() {
  const about = element("dl", { class: "about" }, ...DATA.about.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, element("bdi", {}, value))]));
  return element("div", { class: "view" }, tiles(), findings(), element("details", {}, element("summary", {}, "About this capture"), about));
}
