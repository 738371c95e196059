// Buttons with class "press" ask for a reason and send it; the server asks for the role once more, and notes who did it.
(function () {
  const make = (kind, text) => {
    const made = document.createElement(kind);
    if (text) made.textContent = text;
    return made;
  };
  const explained = (told) => typeof told.detail === "string" ? told.detail
    : (told.detail || []).map((part) => part.msg).join("; ") || "The server gave no reason.";
  async function send(path, values) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Almanac-Request": "1" },
      body: JSON.stringify(values),
    });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(explained(told));
    return told;
  }
  function ask(pressed) {
    const dialog = make("dialog");
    const form = make("form");
    form.method = "dialog";
    const label = make("label", "Reason, which stays on record");
    const reason = make("textarea");
    reason.required = true;
    reason.minLength = 3;
    reason.maxLength = 500;
    reason.rows = 3;
    reason.name = "reason";
    label.append(reason);
    const said = make("p");
    said.className = "said";
    said.setAttribute("role", "alert");
    const row = make("div");
    row.className = "steps";
    const go = make("button", pressed.textContent.trim());
    go.type = "submit";
    if (pressed.classList.contains("grave")) go.className = "grave";
    const no = make("button", "Not now");
    no.type = "button";
    no.addEventListener("click", () => dialog.close());
    row.append(go, no);
    form.append(make("h2", pressed.dataset.title), label, said, row);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      said.textContent = "";
      try {
        const told = await send(pressed.dataset.path, { ...JSON.parse(pressed.dataset.values), reason: reason.value });
        sessionStorage.setItem("almanac-said", told.said || "Done.");
        location.reload();
      } catch (error) {
        said.textContent = error.message;
        go.disabled = false;
      }
    });
    dialog.append(form);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button.press");
    if (pressed) ask(pressed);
  });
  const said = sessionStorage.getItem("almanac-said");
  if (said) {
    sessionStorage.removeItem("almanac-said");
    const note = make("p", said);
    note.className = "note good-note";
    note.setAttribute("role", "status");
    document.getElementById("content").prepend(note);
  }
})();
