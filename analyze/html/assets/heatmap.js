// Latency over time: a cell is as dark as there are calls of that duration in that interval.

function heatmapView(table) {
  if (!table.rows) return empty("No call has a duration.");
  const holder = element("div", { class: "chart tall", id: "heatmap-chart", role: "img", "aria-label": "Latency over time" });
  const starts = slotStarts();
  const place = new Map(starts.map((ns, index) => [ns, index]));
  const least = [...new Map(table.values("least_ns").map((ns, row) => [ns, table.values("below_ns")[row]]))].sort((a, b) => a[0] - b[0]);
  const steps = least.map(([from, below]) => ({ from, below }));
  const level = new Map(steps.map(({ from }, index) => [from, index]));
  const zoomed = { x: { start: 0, end: 100 }, y: { start: 0, end: 100 } };
  let wanted = "";
  let made = null;

  // Calls of one name, or of all, as [slot, step, calls, log of calls].
  function cells() {
    const [names, at, from, calls] = ["syscall", "at", "least_ns", "calls"].map((name) => table.values(name));
    const sums = new Map();
    for (let row = 0; row < table.rows; row++) {
      if (wanted && names[row] !== wanted) continue;
      const key = place.get(at[row]) * 4096 + level.get(from[row]);
      sums.set(key, (sums.get(key) || 0) + calls[row]);
    }
    return [...sums].map(([key, count]) => [Math.floor(key / 4096), key % 4096, count, Math.log10(count)]);
  }

  function option() {
    const data = cells();
    const top = data.reduce((most, cell) => Math.max(most, cell[3]), 0.5);
    const zooms = [
      { type: "inside", xAxisIndex: 0, ...zoomed.x, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
      { type: "inside", yAxisIndex: 0, ...zoomed.y, zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
      slider(0, { xAxisIndex: 0, ...zoomed.x }),
      slider(1, { yAxisIndex: 0, ...zoomed.y, orient: "vertical", right: 2, left: "auto", bottom: 52, top: 12, width: 16, height: "auto" }),
    ];
    return {
      grid: { left: 64, right: 28, top: 12, bottom: 52 },
      tooltip: { ...tooltipStyle(), formatter: describe },
      xAxis: { type: "category", data: starts.map(slotText), ...axisStyle(), splitLine: { show: false } },
      yAxis: { type: "category", data: steps.map(({ from }) => duration(from)), ...axisStyle(), splitLine: { show: false }, axisLabel: { ...axisStyle().axisLabel, interval: (index) => decade(index), formatter: (_, index) => duration(decade(index)) } },
      visualMap: { show: false, type: "continuous", dimension: 3, min: 0, max: top, inRange: { color: heatColors() } },
      // Pressing and moving chooses a part to zoom into.
      toolbox: { show: true, top: -40, feature: { dataZoom: { filterMode: "none", brushStyle: { color: color("selected"), borderColor: color("accent"), borderWidth: 1 } } } },
      dataZoom: zooms.map((one) => ({ ...one, filterMode: "none" })),
      series: [{ type: "heatmap", data, encode: { x: 0, y: 1, value: 3 }, progressive: 0, itemStyle: { borderWidth: 0 }, emphasis: { itemStyle: { borderColor: color("ink"), borderWidth: 1 } } }],
    };
  }

  // The power of ten that a step holds, if it does.
  function decade(index) {
    const power = 10 ** Math.ceil(Math.log10(Math.max(steps[index].from, 1)) - 1e-9);
    return power < steps[index].below ? power : 0;
  }

  function describe({ data: [slot, step, count] }) {
    const at = starts[slot];
    return tip(`${duration(steps[step].from)} – ${duration(steps[step].below)}`, [
      ["calls", grouped(count)],
      ["began", `${slotText(at)} – ${slotText(at + DATA.interval)}`],
    ]);
  }

  const aim = (drawn) => drawn.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  function zoom(x, y) {
    Object.assign(zoomed.x, x);
    Object.assign(zoomed.y, y);
    back.hidden = [zoomed.x, zoomed.y].every(({ start, end }) => start <= 0.01 && end >= 99.99);
  }

  const names = table.countBy("syscall", "calls");
  const select = element("select", { "aria-label": "System call", id: "heatmap-call", onchange: () => { wanted = select.value; made.draw(); } },
    element("option", { value: "" }, "all calls"), ...names.map(([name, calls]) => element("option", { value: name }, `${name} (${short(calls)})`)));
  const back = element("button", { type: "button", id: "heatmap-reset", hidden: true, onclick: () => { zoom({ start: 0, end: 100 }, { start: 0, end: 100 }); made.draw(); } }, "Whole capture");
  const legend = element("span", { class: "legend" }, "1 call", element("span", { class: "ramp" }), "most");
  const view = element("div", { class: "view" },
    element("div", { class: "tools" }, select, back, legend, element("span", { class: "note" }, `Draw a rectangle to zoom in. ${width()}.${table.total > table.rows ? ` The fullest ${grouped(table.rows)} of ${grouped(table.total)} cells.` : ""}`)), holder, command(table));
  later(holder, () => {
    made = chart(holder, option, (drawn) => {
      drawn.on("datazoom", () => {
        const [x, y] = drawn.getOption().dataZoom;
        zoom({ start: x.start, end: x.end }, { start: y.start, end: y.end });
      });
      drawn.getZr().on("dblclick", () => back.click());
    }, aim);
  });
  return view;
}

const heatColors = () => ["a", "b", "c", "d", "e"].map((name) => color(`heat-${name}`));
