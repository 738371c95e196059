// Every chart of the pages: its data stands beside it as JSON, its kind says how it is drawn.
(function () {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue("--" + name).trim();
  const settings = { displaylogo: false, displayModeBar: false, responsive: true };
  const layout = (more) => Object.assign({
    margin: { l: 64, r: 12, t: 8, b: 36 }, paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 12 }, showlegend: false,
    hovermode: "x unified", xaxis: { gridcolor: colour("line") },
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("text") } },
  }, more);
  const axis = (more) => Object.assign({ gridcolor: colour("line"), zerolinecolor: colour("line") }, more);
  const kinds = {
    equity: (data) => [[
      { x: data.session_date, y: data.equity, name: "Equity", line: { color: colour("accent"), width: 1.4 },
        hovertemplate: "%{y:,.2f} USD" },
      { x: data.session_date, y: data.drawdown, name: "Drawdown", yaxis: "y2", fill: "tozeroy",
        line: { color: colour("bad"), width: 1 }, hovertemplate: "%{y:.2%}" },
    ], layout({
      yaxis: axis({ domain: [0.32, 1], title: { text: "Equity, USD" }, tickformat: "~s" }),
      yaxis2: axis({ domain: [0, 0.24], title: { text: "Drawdown" }, tickformat: ".0%" }),
    })],
    curve: (data) => [[
      { x: data.run_date, y: data.total_return, name: "Total return", line: { color: colour("accent"), width: 1.4 },
        hovertemplate: "%{y:.2%}" },
    ], layout({ yaxis: axis({ title: { text: "Total return" }, tickformat: ".0%" }) })],
    risk: (data) => [[
      { x: data.session_date, y: data.gross, name: "Gross exposure", line: { color: colour("accent"), width: 1.2 }, hovertemplate: "%{y:.1%}" },
      { x: data.session_date, y: data.net, name: "Net exposure", line: { color: colour("good"), width: 1.2 }, hovertemplate: "%{y:.1%}" },
      { x: data.session_date, y: data.drawdown, name: "Drawdown", yaxis: "y2", fill: "tozeroy",
        line: { color: colour("bad"), width: 1 }, hovertemplate: "%{y:.2%}" },
    ], layout({
      showlegend: true, legend: { orientation: "h", y: 1.12 },
      yaxis: axis({ domain: [0.36, 1], title: { text: "Of equity" }, tickformat: ".0%" }),
      yaxis2: axis({ domain: [0, 0.26], title: { text: "Drawdown" }, tickformat: ".0%" }),
    })],
    coverage: (data) => [[
      { x: data.date, y: data.bars, name: "Bars", line: { color: colour("accent"), width: 1, shape: "hv" }, fill: "tozeroy" },
    ], layout({ yaxis: axis({ title: { text: "Bars" }, rangemode: "tozero" }) })],
  };
  for (const element of document.querySelectorAll(".chart")) {
    const data = JSON.parse(document.getElementById(element.id + "-data").textContent);
    const began = performance.now();
    const [traces, shape] = kinds[element.dataset.kind](data);
    Plotly.newPlot(element, traces, shape, settings).then(function () {
      element.dataset.drawn = (performance.now() - began).toFixed(1);
    });
  }
})();
