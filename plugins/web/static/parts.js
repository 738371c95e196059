// Parts of a page that take longer than the page itself: fetched, put in their place, and equipped like the rest.
(function () {
  async function fill(element) {
    try {
      const answer = await fetch(element.dataset.part, { headers: { Accept: "text/html" } });
      const text = await answer.text();
      const told = new DOMParser().parseFromString(text, "text/html");
      // A problem comes as a page of its own: what it says is what belongs here.
      element.replaceChildren(...(answer.ok ? told.body : told.querySelector("main") || told.body).childNodes);
    } catch (error) {
      const note = document.createElement("p");
      note.className = "note danger";
      note.textContent = "The server did not answer: " + error.message + ". Load the page again to try once more.";
      element.replaceChildren(note);
    }
    element.dataset.filled = "1";
    document.dispatchEvent(new CustomEvent("almanac-added", { detail: element }));
  }
  for (const element of document.querySelectorAll("[data-part]")) fill(element);
})();
