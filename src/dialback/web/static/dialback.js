// What pages do better with a script; every page works without one.
"use strict";

// Instants are written in UTC; show them in the reader's own time.
function showLocalTimes(root) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = time.dateTime;
      time.textContent = form.format(at);
    }
  }
}

// Buttons that copy are hidden until there is a script to serve them.
function showCopyButtons(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = !navigator.clipboard;
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
  const before = button.textContent;
  button.textContent = "Copied";
  button.setAttribute("aria-live", "polite");
  setTimeout(() => { button.textContent = before; }, 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) {
    copy(button);
  }
});

// Whatever cannot be undone asks once more.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

function improve(root) {
  showLocalTimes(root);
  showCopyButtons(root);
}

document.addEventListener("htmx:load", (event) => improve(event.detail.elt));
document.addEventListener("DOMContentLoaded", () => {
  improve(document);
  document.querySelector("form[data-submit]")?.requestSubmit();
});
