// Every chart of the pages: its data stands beside it as JSON, its kind says how it is drawn.
(function () {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name).trim();
  const settings = { displaylogo: false, displayModeBar: false, responsive: true };
  // The left margin has room for the widest number and a title: margins that Plotly fits itself take a second drawing.
  const layout = (more) => Object.assign({
    margin: { l: 76, r: 12, t: 8, b: 36 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 12 }, showlegend: false,
    hovermode: "x unified", xaxis: { type: "date", gridcolor: colour("line") }, legend: { orientation: "h", y: 1.12 },
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("text") } },
  }, more);
  const axis = (more) => Object.assign({ gridcolor: colour("line"), zerolinecolor: colour("line") },
    more, more.title ? { title: { ...more.title, standoff: 8 } } : {});
  const line = (x, y, name, shade, form, more) => Object.assign({
    x, y, name, mode: "lines", line: { color: colour(shade), width: 1.4 }, hovertemplate: "%{y:" + form + "}",
  }, more);
  const filled = (shade) => ({ fill: "tozeroy", fillcolor: colour(shade) + "33", line: { color: colour(shade), width: 1 } });
  const mean = (values, count) => {
    let sum = 0;
    return values.map((value, at) => {
      sum += value - (at >= count ? values[at - count] : 0);
      return sum / Math.min(at + 1, count);
    });
  };
  const one = (title, form, more) => layout(Object.assign({ yaxis: axis({ title: { text: title }, tickformat: form }) }, more));
  // A price that grew many times over: in equal steps its first years would be a flat line under their trades.
  const steps = (prices) => {
    const known = prices.filter((price) => price !== null);
    return Math.max(...known) > 8 * Math.min(...known) ? { type: "log", dtick: "D2", tickformat: "," } : {};
  };
  const level = (y) => ({ shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: colour("quiet"), width: 1, dash: "dot" } }] });
  const below_all = { type: "date", gridcolor: colour("line"), anchor: "y2" };  // its dates stand under the lower half
  const below = (data, y, of, title) => [
    [...of, line(data.session_date, data.drawdown, "Drawdown", "bad", ".2%", { yaxis: "y2", ...filled("bad") })],
    layout({ showlegend: of.length > 1, xaxis: below_all, yaxis: axis({ domain: [0.34, 1], ...y }),
      yaxis2: axis({ domain: [0, 0.25], title: { text: "Drawdown" }, tickformat: ".1~%" }), ...title }),
  ];
  const kinds = {
    equity: (data) => below(data, { title: { text: "Equity, USD" }, tickformat: "~s" },
      [line(data.session_date, data.equity, "Equity", "accent", ",.2f")]),
    risk: (data) => below(data, { title: { text: "Of equity" }, tickformat: ".1~%" }, [
      line(data.session_date, data.gross, "Gross exposure", "accent", ".1%", filled("accent")),
      line(data.session_date, data.net, "Net exposure", "good", ".1%")]),
    coverage: (data) => [[line(data.date, data.bars, "Bars", "accent", ",", { ...filled("accent"), line: { color: colour("accent"), width: 1, shape: "hv" } })],
      one("Bars", "~s", { yaxis: axis({ title: { text: "Bars" }, rangemode: "tozero" }) })],
    growth: (data) => [[line(data.dates, data.benchmark_equity, "Benchmark", "quiet", ".3f"),
      line(data.dates, data.equity, "Model", "accent", ".3f")], one("Value of 1", ".2~f", { showlegend: true, ...level(1) })],
    fall: (data) => [[line(data.dates, data.drawdown, "Drawdown", "bad", ".2%", filled("bad"))], one("Below its peak", ".1~%")],
    sharpe: (data) => [[line(data.dates, data.rolling_sharpe, "Sharpe ratio", "accent", ".2f")], one("Sharpe ratio", ".1f", level(0))],
    volatility: (data) => [[line(data.dates, data.rolling_benchmark_volatility, "Benchmark", "quiet", ".1%"),
      line(data.dates, data.rolling_volatility, "Model", "accent", ".1%")], one("A year", ".1~%", { showlegend: true })],
    beta: (data) => [[line(data.dates, data.rolling_beta, "Beta", "accent", ".2f")], one("Beta", ".1f", level(0))],
    exposure: (data) => [[line(data.dates, mean(data.gross_exposure, 21), "Added up", "accent", ".1%"),
      line(data.dates, mean(data.net_exposure, 21), "Long less short", "good", ".1%")], one("Of the account", ".1~%", { showlegend: true })],
    turnover: (data) => [[line(data.dates, mean(data.turnover, 21), "Turnover", "accent", ".2%", filled("accent"))], one("Of the account", ".1%")],
    returns: (data) => [[{ type: "bar", x: data.counts.map((_, at) => (data.edges[Math.max(at, 1)] + data.edges[Math.min(at + 1, data.counts.length - 1)]) / 2),
      y: data.counts, marker: { color: data.counts.map((_, at) => colour(data.edges[at] >= 0 ? "good" : data.edges[at + 1] <= 0 ? "bad" : "quiet")) },
      hovertemplate: "%{y:,} sessions about %{x:.2%}<extra></extra>" }],
    layout({ hovermode: "closest", bargap: 0.08, xaxis: { type: "linear", tickformat: ".1%", gridcolor: colour("line") }, yaxis: axis({ title: { text: "Sessions" } }) })],
    // An account's trades on its symbol's price: a triangle where it went in, a line to where it left, coloured by what
    // came of it. A mark at both ends would take the picture twice as long, and hide the price behind hundreds of them.
    account: (data) => [[
      line(data.dates, data.close, data.symbol, "quiet", ",.2f"),
      ...[["With a profit", "good", (t) => t.exit_date && t.profit_usd >= 0], ["With a loss", "bad", (t) => t.exit_date && t.profit_usd < 0],
        ["Open", "accent", (t) => !t.exit_date]].flatMap(([name, shade, kind]) => outcome(data.trades.filter(kind), name, shade, data.trades.length)),
      line(data.dates, data.equity, "Equity", "accent", ",.2f", { yaxis: "y2" }),
    ], layout({ showlegend: true, hovermode: "closest", xaxis: below_all, yaxis: axis({ domain: [0.36, 1], title: { text: "Price, USD" }, ...steps(data.close) }),
      yaxis2: axis({ domain: [0, 0.24], title: { text: "Equity, USD" }, tickformat: "~s" }) })],
  };
  // Made once: toLocaleString makes a format for every number.
  const forms = [0, 2].map((digits) => new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const said = (value, digits) => forms[digits / 2].format(value);
  function outcome(trades, name, shade, all) {
    if (!trades.length) return [];
    const of = (t, end) => `${said(t.shares, 0)} shares at ${said(t[end + "_price_usd"], 2)}`;
    const ways = trades.flatMap((t) => t.exit_date ? [["entry", t], ["exit", t], null] : []);
    const way = (value) => ways.map((at) => at && value(at[1], at[0]));
    const shared = { name, legendgroup: name, hovertemplate: "%{x} %{text}" };
    return [
      ...ways.length ? [{ ...shared, x: way((t, end) => t[end + "_date"]), y: way((t, end) => t[end + "_shown"]), mode: "lines", line: { color: colour(shade), width: 1.5 },
        text: way((t, end) => `${end === "entry" ? "in" : "out"}: ${of(t, end)}, ${said(t.profit_usd, 2)} USD`), showlegend: false }] : [],
      { ...shared, x: trades.map((t) => t.entry_date), y: trades.map((t) => t.entry_shown), mode: "markers",
        marker: { symbol: trades.map((t) => t.side === "long" ? "triangle-up" : "triangle-down"), size: all > 60 ? 7 : 10, color: colour(shade) },
        text: trades.map((t) => `${t.side === "long" ? "bought" : "sold short"}: ${of(t, "entry")}` + (t.exit_date ? `, ${said(t.profit_usd, 2)} USD` : "")) },
    ];
  }
  // Read once, however many charts draw it; days as numbers, which Plotly need not read anew for every line.
  const held = new Map();
  function data(element) {
    const from = document.getElementById(element.dataset.from);
    if (!held.has(from)) {
      const found = JSON.parse(from.textContent);
      for (const name of ["dates", "session_date", "date"]) if (found[name]) found[name] = found[name].map(Date.parse);
      held.set(from, found);
    }
    return held.get(from);
  }
  async function draw(element) {
    const began = performance.now();
    try {
      const [traces, shape] = kinds[element.dataset.kind](data(element));
      element.replaceChildren();
      await Plotly.newPlot(element, traces, shape, settings);
      element.dataset.drawn = (performance.now() - began).toFixed(1);
    } catch (error) {
      element.textContent = "This chart could not be drawn: " + error.message;
      element.dataset.failed = "1";
    }
  }
  // One after the other, so that the page answers to the keyboard in between; those in sight first.
  const waiting = [];
  function next() {
    const element = waiting[0];
    if (element) draw(element).then(() => setTimeout(() => { waiting.shift(); next(); }, 0));
  }
  function all(within) {
    const idle = !waiting.length;
    waiting.push(...within.querySelectorAll(".chart[data-from]"));
    if (idle) next();
  }
  all(document);
  document.addEventListener("almanac-added", (event) => all(event.detail));
})();
