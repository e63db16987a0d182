"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const text = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        getSelection().selectAllChildren(text);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // Figures

  const FONT = { family: "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif", size: 13, color: "#1c2127" };
  const config = (name) => ({
    // plotly's bar has a button that uploads a figure to its makers: runs are not theirs to see
    showSendToCloud: false, plotlyServerURL: "",
    responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { format: "svg", filename: name },
  });
  const axisLook = { gridcolor: "#d5dae0", linecolor: "#7d8590", tickfont: { size: 12 } };
  const draw = (plot, traces, layout) => {
    const narrow = plot.clientWidth < 520;
    const height = layout.height || (narrow ? 400 : 440);
    // on a phone a legend has one or two entries a line, and the plot keeps its height
    const more = narrow && layout.showlegend !== false ? 20 * traces.filter((own) => own.showlegend !== false).length : 0;
    const own = { ...layout, height: height + more, font: FONT, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)" };
    own.xaxis = { ...axisLook, ...layout.xaxis };
    own.yaxis = { ...axisLook, ...layout.yaxis };
    if (narrow) {
      own.font = { ...FONT, size: 12 };
      own.margin = { ...own.margin, l: 48, r: 6 };
    }
    return Plotly.react(plot, traces, own, config(plot.dataset.name));
  };
  const resize = () => {
    for (const plot of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(plot);
  };
  for (const script of document.querySelectorAll("script[data-figure]")) {
    const { traces, layout } = JSON.parse(script.textContent);
    draw(document.getElementById(`plot-${script.dataset.figure}`), traces, layout);
  }
  // what is hidden on the screen must be drawn on paper
  addEventListener("beforeprint", resize);
  addEventListener("afterprint", resize);

  // The explorer: cubic interpolation in a grid of answers

  const place = document.getElementById("explorer-content");
  if (!place) return;
  const content = JSON.parse(place.textContent);
  const axes = content.axes;
  const decode = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const fields = Object.fromEntries(Object.entries(content.fields).map(([name, text]) => [name, decode(text)]));
  const strides = axes.map((_, i) => axes.slice(i + 1).reduce((product, own) => product * own.values.length, 1));
  const coordinate = (axis, value) => (axis.log ? Math.log(value) : value);
  for (const axis of axes) axis.places = axis.choice ? null : axis.values.map((value) => coordinate(axis, value));

  const weights = (axis, value) => {
    if (axis.choice) return [[axis.values.indexOf(value), 1]];
    const nodes = axis.places;
    const num = Math.min(4, nodes.length);
    const at = coordinate(axis, value);
    let right = 0;
    while (right < nodes.length && nodes[right] <= at) right += 1;
    // no cubic crosses a kink
    const start = Math.max(0, ...axis.kinks.filter((kink) => kink <= right - 1 && kink < nodes.length - 1));
    const end = Math.min(nodes.length - 1, ...axis.kinks.filter((kink) => kink > start));
    const first = Math.min(Math.max(right - Math.floor(num / 2), start), end - num + 1);
    const found = [];
    for (let i = first; i < first + num; i += 1) {
      let weight = 1;
      for (let j = first; j < first + num; j += 1) {
        if (j !== i) weight *= (at - nodes[j]) / (nodes[i] - nodes[j]);
      }
      found.push([i, weight]);
    }
    return found;
  };
  const explore = (values) => {
    let terms = [[0, 1]];
    axes.forEach((axis, i) => {
      const own = weights(axis, values[axis.name]);
      terms = terms.flatMap(([index, weight]) => own.map(([k, w]) => [index + k * strides[i], weight * w]));
    });
    return Object.fromEntries(Object.entries(fields).map(([name, field]) =>
      [name, terms.reduce((sum, [index, weight]) => sum + weight * field[index], 0)]));
  };
  window.farseerExplore = explore;

  // Numbers as people write them

  const PREFIXES = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
  const isCount = (name) => ["N", "D", "U"].includes(name);
  const written = (name, value) => {
    if (name === "C") return value.toExponential(2).replace("e+", "e");
    if (isCount(name)) {
      for (const [unit, prefix] of PREFIXES) {
        if (value >= 0.9995 * unit) return `${Number((value / unit).toPrecision(4))}${prefix}`;
      }
    }
    return String(Number(value.toPrecision(4)));
  };
  const parsed = (text) => {
    const match = /^\s*([-+]?[\d.,]+(?:e[-+]?\d+)?)\s*([kMBGT]?)\s*$/i.exec(text);
    if (!match) return NaN;
    const unit = { k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 }[match[2].toLowerCase()] || 1;
    return Number(match[1].replace(/,/g, "")) * unit;
  };

  // Controls

  const box = document.getElementById("explorer");
  const controls = box.querySelector(".controls");
  const state = Object.fromEntries(axes.map((axis) => [axis.name, axis.start]));
  const numbers = axes.filter((axis) => !axis.choice);
  const shown = {};
  const control = (name, label, [low, high], isLog, onChange) => {
    const holder = document.createElement("div");
    holder.className = "control";
    holder.innerHTML = '<label></label><div class="row"><input type="range" step="any"><input type="text" inputmode="text" autocomplete="off"></div>';
    const [range, text] = holder.querySelectorAll("input");
    holder.querySelector("label").textContent = label;
    holder.querySelector("label").htmlFor = text.id = `explore-${name}`;
    range.setAttribute("aria-label", `${label}, slider`);
    const to = (value) => (isLog ? Math.log(value) : value);
    const from = (value) => (isLog ? Math.exp(value) : value);
    range.min = to(low);
    range.max = to(high);
    range.addEventListener("input", () => onChange(Math.min(Math.max(from(Number(range.value)), low), high)));
    text.addEventListener("change", () => {
      const value = parsed(text.value);
      const fits = value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9);
      text.setAttribute("aria-invalid", String(!fits));
      text.title = fits ? "" : `from ${written(name, low)} to ${written(name, high)}`;
      if (fits) onChange(Math.min(Math.max(value, low), high));
    });
    controls.append(holder);
    shown[name] = (value) => {
      range.value = to(value);
      range.setAttribute("aria-valuetext", written(name, value));
      if (document.activeElement !== text || parsed(text.value) !== value) text.value = written(name, value);
      text.setAttribute("aria-invalid", "false");
    };
  };
  const ends = (axis) => [axis.values[0], axis.values[axis.values.length - 1]];
  for (const axis of axes) {
    if (!axis.choice) {
      control(axis.name, axis.label, ends(axis), axis.log, (value) => { state[axis.name] = value; show(); });
      continue;
    }
    const holder = document.createElement("div");
    holder.className = "control";
    holder.innerHTML = "<label></label><select></select>";
    const select = holder.querySelector("select");
    holder.querySelector("label").textContent = axis.label;
    holder.querySelector("label").htmlFor = select.id = `explore-${axis.name}`;
    for (const value of axis.values) select.add(new Option(value, value));
    select.value = axis.start;
    select.addEventListener("change", () => { state[axis.name] = select.value; show(); });
    controls.append(holder);
  }

  // A budget: N and D with the lowest loss for C = 6 N D, or moved together

  const [N, D] = ["N", "D"].map((name) => axes.find((axis) => axis.name === name));
  const bestSplit = (C) => {
    const low = Math.log(Math.max(N.values[0], C / (6 * ends(D)[1])));
    const high = Math.log(Math.min(ends(N)[1], C / (6 * D.values[0])));
    const loss = (x) => explore({ ...state, N: Math.exp(x), D: C / (6 * Math.exp(x)) }).value;
    let best = low;
    const step = (high - low) / 200;
    for (let i = 0; i <= 200; i += 1) if (loss(low + i * step) < loss(best)) best = low + i * step;
    let [a, b] = [Math.max(low, best - step), Math.min(high, best + step)];
    for (let i = 0; i < 60; i += 1) {
      const [left, right] = [a + (b - a) / 3, b - (b - a) / 3];
      if (loss(left) < loss(right)) b = right; else a = left;
    }
    return Math.exp((a + b) / 2);
  };
  let follows = null;
  if (content.budget) {
    const budgets = [6 * N.values[0] * D.values[0] * 1.0001, 6 * ends(N)[1] * ends(D)[1] * 0.9999];
    control("C", "compute budget (6 N D), FLOPs", budgets, true, (C) => {
      if (follows.checked) {
        state.N = bestSplit(C);
      } else {
        const ratio = state.D / state.N;
        state.N = Math.min(Math.max(Math.sqrt(C / (6 * ratio)), C / (6 * ends(D)[1]), N.values[0]), ends(N)[1], C / (6 * D.values[0]));
      }
      state.D = C / (6 * state.N);
      show();
    });
    const holder = document.createElement("div");
    holder.className = "control";
    holder.innerHTML = '<label><input type="checkbox" checked> choose N and D for the lowest loss</label>';
    follows = holder.querySelector("input");
    controls.append(holder);
  }

  // The answer

  const number = (value) => value.toFixed(content.decimals);
  const signed = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${(100 * Math.abs(value)).toFixed(3)} %`;
  const where = () => numbers.map(({ name }) => {
    const [low, high] = content.ranges[name];
    const value = state[name];
    if (value > high) return `${name} is ${(value / high).toPrecision(3)} times the largest run`;
    return value < low ? `${name} is below the smallest run` : "";
  }).filter(Boolean).join("; ") || "each input is within the range of the runs";
  const found = box.querySelector(".found");
  const texts = {
    forecast: (own) => !Number.isFinite(own.value) ? ["no forecast", "the law does not apply to these inputs", ""] : [
      `${content.response} ${number(own.value)}`,
      `${content.level} interval ${number(own.low)} to ${number(own.high)} (±${(50 * (own.high - own.low) / Math.abs(own.value)).toPrecision(2)} %)`,
      `for a single run: ${number(own.run_low)} to ${number(own.run_high)}`,
    ],
    comparison: (own) => {
      const likely = Math.min(Math.max(own.probability, 0), 1);
      const winner = likely >= 0.9 ? `${content.names[0]} wins` : likely <= 0.1 ? `${content.names[1]} wins` : "undecided";
      return [
        `${winner}: ${signed(own.value)}`,
        `${content.level} interval ${signed(own.low)} to ${signed(own.high)}`,
        `probability that ${content.names[0]} has the lower loss: ${(100 * likely).toFixed(1)} %`,
      ];
    },
  }[content.kind];
  const plot = box.querySelector(".plot");
  const BLUE = "#3b82c4";
  const along = numbers.find(({ name }) => name === "D") || numbers[0];
  let waiting = false;
  const redraw = () => {
    waiting = false;
    const scale = content.kind === "comparison" ? 100 : 1;
    const [low, high] = along.places.length ? [along.places[0], along.places[along.places.length - 1]] : [0, 1];
    const x = Array.from({ length: 90 }, (_, i) => {
      const at = low + (i / 89) * (high - low);
      return along.log ? Math.exp(at) : at;
    });
    const own = x.map((value) => explore({ ...state, [along.name]: value }));
    const both = [...x, ...[...x].reverse()];
    const edge = [...own.map((o) => scale * o.high), ...own.map((o) => scale * o.low).reverse()];
    const now = explore(state);
    draw(plot, [
      { type: "scatter", mode: "lines", x: both, y: edge, fill: "toself", fillcolor: "rgba(59,130,196,0.25)", line: { width: 0 }, hoverinfo: "skip" },
      { type: "scatter", mode: "lines", x, y: own.map((o) => scale * o.value), line: { color: BLUE, width: 2 }, hovertemplate: "%{y:.5g}<extra></extra>" },
      { type: "scatter", mode: "markers", x: [state[along.name]], y: [scale * now.value], marker: { color: "#d9622b", size: 13, symbol: "star" }, hovertemplate: "%{y:.5g}<extra></extra>" },
    ], {
      height: 320, showlegend: false, margin: { l: 64, r: 16, t: 10, b: 52 }, hovermode: "closest",
      xaxis: { type: along.log ? "log" : "linear", title: { text: along.label }, exponentformat: isCount(along.name) ? "B" : "power", automargin: true },
      yaxis: { title: { text: content.kind === "comparison" ? "difference, %" : content.response }, automargin: true, zeroline: content.kind === "comparison" },
    });
  };
  const show = () => {
    for (const { name } of numbers) shown[name](state[name]);
    if (content.budget) shown.C(6 * state.N * state.D);
    const [value, interval, run] = texts(explore(state));
    found.querySelector(".at").textContent = axes.map(({ name, choice }) =>
      `${name} ${choice ? state[name] : written(name, state[name])}`).join(", ");
    found.querySelector(".value").textContent = value;
    found.querySelector(".interval").textContent = interval;
    found.querySelector(".run").textContent = run;
    found.querySelector(".where").textContent = where();
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(redraw);
    }
  };
  show();
})();
