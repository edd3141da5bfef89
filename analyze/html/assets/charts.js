// What all charts share: colours from the style sheet, and drawing again when the theme or the width changes.

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// So much of one colour, the rest of another; both as #rrggbb.
function mix(one, other, share) {
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [a, b] = [parts(one), parts(other)];
  return `rgb(${a.map((value, place) => Math.round(value * share + b[place] * (1 - share))).join(",")})`;
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const HUES = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"];

// A chart in an element of the page; `option()` is asked anew whenever the theme changes.
// `ready` is told the chart once it is there, `drawn` whenever it was drawn.
function chart(holder, option, ready = () => {}, drawn = () => {}) {
  const made = echarts.init(holder, null, { renderer: "canvas" });
  const draw = () => {
    made.setOption({ animation: false, textStyle: { fontFamily: FONT }, ...option() }, true);
    drawn(made);
  };
  draw();
  ready(made);
  new ResizeObserver(() => made.resize()).observe(holder);
  PAINTED.push(() => draw());
  return { made, draw };
}

const axisStyle = () => ({
  axisLine: { lineStyle: { color: color("line-strong") } },
  axisTick: { show: false },
  axisLabel: { color: color("muted"), fontSize: 11, hideOverlap: true },
  splitLine: { lineStyle: { color: color("line") } },
  nameTextStyle: { color: color("muted"), fontSize: 11 },
});

const tooltipStyle = () => ({
  confine: true,
  backgroundColor: color("card"),
  borderColor: color("line-strong"),
  textStyle: { color: color("ink"), fontSize: 12 },
  padding: 10,
  transitionDuration: 0,
});

const slider = (index, extra = {}) => ({
  type: "slider",
  height: 18,
  bottom: 4,
  borderColor: "transparent",
  backgroundColor: color("sunken"),
  fillerColor: color("selected"),
  handleStyle: { color: color("card"), borderColor: color("accent") },
  moveHandleSize: 0,
  dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
  selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
  textStyle: { color: color("muted"), fontSize: 10 },
  showDetail: false,
  brushSelect: false,
  ...extra,
});

// All slots of the capture, ns since it began: where each interval of timeline and heat map begins.
function slotStarts() {
  const at = [...new Set([...TABLES.timeline.values("at"), ...TABLES.heatmap.values("at")])].sort((a, b) => a - b);
  const made = [];
  for (let ns = at[0]; at.length && ns <= at[at.length - 1]; ns += DATA.interval) made.push(ns);
  return made;
}

// The first begins, the intervals being round, a little before the capture.
const slotText = (ns) => since(Math.max(ns, 0), DATA.interval);

const width = () => `${duration(DATA.interval)} each`;
