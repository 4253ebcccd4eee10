/* Loaded in <head> without defer: the class "js" must stand before the first paint. Every page works without this file. */
"use strict";
document.documentElement.classList.add("js");

function csrfToken() {
  // The cookie first: signing in again in another window renews it, and the field of this page does not know.
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  return (document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/) || [])[1] || (field ? field.value : "");
}

function show(id, visible) {
  const element = document.getElementById(id);
  if (element) element.hidden = !visible;
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = csrfToken();
});

// A whole page in answer to a fragment request is the sign-in page: the session has ended, and what was typed must stay on screen.
document.addEventListener("htmx:beforeSwap", (event) => {
  const signedOut = /^\s*<!doctype/i.test(event.detail.xhr.responseText) && event.detail.xhr.status < 400;
  if (signedOut) event.detail.shouldSwap = false;
  show("signed-out", signedOut);
});
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, () => show("not-sent", true));
}
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status >= 400) return;
  show("not-sent", false);
});

document.addEventListener("DOMContentLoaded", () => {
  // On a long page the sentence beside the field would stand below the fold.
  const wrong = document.querySelector("main .is-invalid:not([type=hidden])");
  if (wrong) wrong.focus();
});

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (!event.target.matches("form[data-once]")) return;
  const buttons = [...event.target.elements].filter((element) => element.type === "submit");
  // After this turn, or the pressed button's own name and value would be left out of what is sent.
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; button.dataset.onceOff = ""; }));
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("[data-once-off]").forEach((button) => {
    button.disabled = false;
    delete button.dataset.onceOff;
  });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.matches(".menu-button")) {
    const open = button.closest(".site-header").classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
  } else if (button.matches("[data-print]")) {
    window.print();
  } else if (button.matches("[data-copy]")) {
    const source = document.querySelector(button.dataset.copy);
    const done = () => { button.textContent = "Đã sao chép"; };
    const select = () => window.getSelection().selectAllChildren(source);
    if (navigator.clipboard) navigator.clipboard.writeText(source.textContent.trim()).then(done, select);
    else select();
  }
});
