// Tables with class "sortable": a click on a heading sorts, the box filters, the button saves what is shown as CSV.
(function () {
  const value = (cell) => {
    const number = Number(cell.textContent.replaceAll(",", "").replace(/ (%|USD)$/, ""));
    return Number.isNaN(number) ? cell.textContent : number;
  };
  const guarded = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? "'" + text : text);
  function sort(table, column, heading) {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const sorted = [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a.cells[column]), value(b.cells[column])];
      const order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
      return up ? order : -order;
    });
    table.tBodies[0].append(...sorted);
  }
  function save(table) {
    const shown = [table.tHead.rows[0], ...table.tBodies[0].rows].filter((row) => !row.hidden);
    const text = shown.map((row) => [...row.cells]
      .map((cell) => '"' + guarded(cell.textContent.trim()).replaceAll('"', '""') + '"').join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = table.dataset.name + ".csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, column, heading));
    });
    const tools = document.createElement("div");
    tools.className = "tools";
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Filter rows";
    filter.setAttribute("aria-label", "Filter rows");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "CSV";
    button.addEventListener("click", () => save(table));
    tools.append(filter, button);
    table.before(tools);
  }
})();
