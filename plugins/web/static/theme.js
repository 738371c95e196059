// Take the colours that Airflow itself shows: its choice is kept by the browser, for the same origin. When it is made
// anew beside an open page, the page is drawn anew.
(function () {
  const chosen = localStorage.getItem("theme");
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  addEventListener("storage", (change) => { if (change.key === "theme") location.reload(); });
})();
