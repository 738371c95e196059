// Tables with class "sortable": a click on a heading sorts, the box filters, rows come in pages, the button saves as CSV
// what the filter leaves.
(function () {
  const PAGE = 50;
  const FEW = 8;  // rows that are seen at a glance need no filter
  const UNIT = / ?(%|USD)$/;
  const value = (cell) => {
    const text = cell.textContent.trim();
    const number = Number(text.replaceAll(",", "").replace(UNIT, ""));
    return text === "" || Number.isNaN(number) ? text : number;
  };
  const guarded = (text) => (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text.replaceAll(",", "").replace(UNIT, ""))) ? "'" + text : text);
  const button = (text, pressed) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", pressed);
    return made;
  };
  function equip(table) {
    const body = table.tBodies[0];
    const all = [...body.rows];
    const of = table.dataset.of ? ` of ${Number(table.dataset.of).toLocaleString("en")}, which alone are sorted and filtered` : "";
    const headings = [...table.tHead.rows[0].cells];
    const kept = headings.map((heading, column) => column).filter((column) => !("plain" in headings[column].dataset));
    let matching = all;
    let page = 0;
    const filter = document.createElement("input");
    filter.type = "search";
    filter.placeholder = "Filter rows";
    filter.setAttribute("aria-label", "Filter rows");
    const told = document.createElement("span");
    told.setAttribute("role", "status");
    const back = button("‹", () => show(page - 1));
    back.setAttribute("aria-label", "Rows before");
    const on = button("›", () => show(page + 1));
    on.setAttribute("aria-label", "Rows after");
    function show(wanted) {
      const last = Math.max(0, Math.ceil(matching.length / PAGE) - 1);
      page = Math.min(Math.max(wanted, 0), last);
      const first = page * PAGE;
      body.replaceChildren(...matching.slice(first, first + PAGE));
      back.disabled = page === 0;
      on.disabled = page === last;
      back.hidden = on.hidden = last === 0;
      const until = Math.min(first + PAGE, matching.length);
      told.textContent = matching.length === 0 ? "no row matches" : last === 0 && matching.length === all.length
        ? `${all.length} ${all.length === 1 ? "row" : "rows"}${of}` : `${first + 1} to ${until} of ${matching.length}`;
    }
    function choose() {
      const wanted = filter.value.toLowerCase();
      matching = all.filter((row) => row.textContent.toLowerCase().includes(wanted));
      show(0);
    }
    function sort(column, heading) {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      all.sort((a, b) => {
        const [x, y] = [value(a.cells[column]), value(b.cells[column])];
        const empty = (x === "–" || x === "") - (y === "–" || y === "");  // what is not known comes last, whichever way
        if (empty) return empty;
        const order = typeof x === typeof y ? (x > y) - (x < y) : typeof x === "number" ? -1 : 1;
        return up ? order : -order;
      });
      choose();
    }
    function save() {
      const text = [table.tHead.rows[0], ...matching].map((row) => kept
        .map((column) => '"' + guarded(row.cells[column].textContent.trim()).replaceAll('"', '""') + '"').join(",")).join("\r\n");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = table.dataset.name + ".csv";
      link.click();
      URL.revokeObjectURL(link.href);
    }
    for (const column of kept) {
      const heading = headings[column];
      const made = button("", () => sort(column, heading));
      made.append(...heading.childNodes);
      heading.append(made);
    }
    filter.addEventListener("input", choose);
    const tools = document.createElement("div");
    tools.className = "tools";
    const csv = button("CSV", save);
    csv.setAttribute("aria-label", "Save as CSV");
    if (all.length > FEW) tools.append(filter);
    tools.append(csv, told, back, on);
    (table.closest(".scroll") || table).before(tools);
    show(0);
  }
  const all = (within) => { for (const table of within.querySelectorAll("table.sortable")) equip(table); };
  all(document);
  document.addEventListener("almanac-added", (event) => all(event.detail));
})();
