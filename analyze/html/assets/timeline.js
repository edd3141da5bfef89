// Calls, errors, bytes and latency in each interval of the capture.

const METRICS = [
  ["calls", "Calls"],
  ["time_ns", "Time"],
  ["bytes", "Bytes"],
  ["latency", "Latency"],
];

function timelineView(table) {
  if (!table.rows) return empty("No calls.");
  let metric = "calls";
  const holder = element("div", { class: "chart", id: "timeline-chart", role: "img", "aria-label": "Calls over time" });
  const zoom = { start: 0, end: 100 };
  let made = null;
  const starts = table.values("at");
  const pick = (name) => table.values(name);

  const bar = (name, values, colour, stack) => ({
    name, type: "bar", stack, data: values, barCategoryGap: "12%", itemStyle: { color: colour }, large: values.length > 400,
  });
  const line = (name, column, colour) => ({
    name, type: "line", data: pick(column), showSymbol: false, connectNulls: true, lineStyle: { width: 1.8, color: colour }, itemStyle: { color: colour },
  });

  function series() {
    if (metric === "calls") {
      const errors = pick("errors");
      const fine = pick("calls").map((calls, place) => calls - errors[place]);
      return [bar("succeeded", fine, color("h0"), "calls"), bar("failed", errors, color("bad"), "calls")];
    }
    if (metric === "latency") {
      return [line("p50", "p50_ns", color("h0")), line("p99", "p99_ns", color("h1")), line("longest", "max_ns", color("h3"))];
    }
    return [bar(metric === "bytes" ? "read and written" : "time in calls", pick(metric), color(metric === "bytes" ? "h2" : "h4"), "one")];
  }

  function lost() {
    const areas = pick("lost").flatMap((count, place) => (count ? [[{ xAxis: place, itemStyle: { color: color("lost") } }, { xAxis: place }]] : []));
    return areas.length ? { silent: true, data: areas } : undefined;
  }

  function option() {
    const show = metric === "latency" || metric === "time_ns" ? duration : metric === "bytes" ? size : short;
    const shown = series();
    shown[0].markArea = lost();
    return {
      grid: { left: 64, right: 28, top: 34, bottom: 52 },
      legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, icon: "roundRect", textStyle: { color: color("muted"), fontSize: 12 }, selectedMode: false },
      tooltip: { ...tooltipStyle(), trigger: "axis", formatter: (points) => describe(points[0].dataIndex) },
      xAxis: { type: "category", data: starts.map(slotText), ...axisStyle() },
      yAxis: { type: metric === "latency" ? "log" : "value", ...axisStyle(), axisLabel: { ...axisStyle().axisLabel, formatter: show }, splitNumber: 4 },
      dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, ...zoom }, slider(0, zoom)],
      series: shown,
    };
  }

  function describe(place) {
    const row = table.row(place);
    const said = (name, text) => [text || columnTitle(name), table.text(table.column(name), place)];
    return tip(`${slotText(row.at)} – ${slotText(row.at + DATA.interval)}`, [
      said("calls"), ["failed", `${grouped(row.errors)} (${percent(row.calls ? row.errors / row.calls : 0)})`], said("time_ns", "time in calls"),
      said("bytes"), said("p50_ns", "half took at most"), said("p99_ns", "99% took at most"), said("max_ns", "longest"),
      row.lost ? ["lost, at most", grouped(row.lost)] : null,
    ]);
  }

  const controls = choices("What the timeline shows", METRICS, metric, (value) => { metric = value; made.draw(); });
  const view = element("div", { class: "view" }, element("div", { class: "tools" }, controls, element("span", { class: "note" }, width())), holder, command(table));
  later(holder, () => {
    made = chart(holder, option, (drawn) => drawn.on("datazoom", () => {
      const [{ start, end }] = drawn.getOption().dataZoom;
      Object.assign(zoom, { start, end });
    }));
  });
  return view;
}
