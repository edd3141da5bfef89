// Numbers as analyze/render/text.py writes them: three digits and a unit.

const DURATIONS = [[3.6e12, "h"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"]];
const SIZES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];
const COUNTS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const IDS = new Set(["pid", "tid", "ppid", "uid", "nr", "fd", "cpu", "port"]);

const three = (value) => {
  const magnitude = Math.abs(value);
  return magnitude < 9.995 ? value.toFixed(2) : magnitude < 99.95 ? value.toFixed(1) : grouped(Math.round(value));
};

const grouped = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

function duration(ns) {
  if (Math.abs(ns) < 999.5) return `${Math.round(ns)} ns`;
  const hours = Math.abs(ns) >= 1e13;
  const [unit, name] = DURATIONS.find(([unit, name]) => (name === "h" ? hours : Math.abs(ns) >= unit * 0.9995));
  return `${three(ns / unit)} ${name}`;
}

function size(bytes) {
  const [unit, name] = SIZES.find(([unit]) => Math.abs(bytes) >= unit) || [1, "B"];
  return unit === 1 ? `${grouped(bytes)} B` : `${three(bytes / unit)} ${name}`;
}

// A count where room is short: 10.2 M.
function short(count) {
  const [unit, name] = COUNTS.find(([unit]) => Math.abs(count) >= (unit === 1e3 ? 1e4 : unit)) || [1, ""];
  return unit === 1 ? grouped(count) : `${three(count / unit)} ${name}`;
}

const percent = (share) => `${(share * 100).toFixed(1)}%`;

// Time on an axis or in a table, since the capture began: 12.3 s, 4:05.2 min. `step` (ns) says how exact.
function since(ns, step = 1e6) {
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / 1e9) - 1e-9)));
  const seconds = ns / 1e9;
  if (Math.abs(seconds) < 120) return `${seconds.toFixed(digits)} s`;
  const whole = Math.floor(seconds / 60);
  const rest = (seconds - whole * 60).toFixed(Math.min(digits, 3)).padStart(digits ? 3 + Math.min(digits, 3) : 2, "0");
  return whole < 120 ? `${whole}:${rest} min` : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} h`;
}

// A value of a table's column as text; the unit is said by the column's name.
function cellText(value, column) {
  if (value === null || value === undefined) return "";
  if (column.type === "TIMESTAMP_NS") return since(value, 1e3);
  if (typeof value !== "number") return String(value);
  if (column.name.endsWith("_ns")) return duration(value);
  if (column.name.endsWith("bytes")) return size(value);
  if (column.name.endsWith("share")) return percent(value);
  if (IDS.has(column.name)) return String(value);
  return Number.isInteger(value) ? grouped(value) : String(Number(value.toPrecision(4)));
}

const TITLES = { comm: "program", syscall: "call", errno: "error", uid: "user" };

// A column's name as people read it: without the unit, which stands beside each value.
function columnTitle(name) {
  const plain = name.replace(/_(ns|share)$/, "").replace(/_bytes$/, "");
  return (TITLES[plain] || plain).replace(/_/g, " ");
}
