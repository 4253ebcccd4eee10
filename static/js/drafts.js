/*
Nothing that somebody typed is lost: <form data-guard> keeps a copy of what was changed in this browser until it is saved, and <form data-guard data-draft="URL"> also saves by itself. Every page works without this file.

The copy is keyed by person and form, and goes when it has been saved, at sign-out and after a week. The answer to a saving is a fragment: each of its elements takes the place of the one with its id. A row of a table with tr[data-problem] after it waits for a decision.
*/
"use strict";

const KEPT_FOR = 7 * 24 * 60 * 60 * 1000;
const PAUSE = 2500;
const LONGEST_PAUSE = 15000;
const RETRY = 20000;
const PREFIX = "draft:";
const person = document.body.dataset.person;
const pageMark = Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => (byte % 36).toString(36)).join("");
let savings = 0;

const store = {
  isClosed: false,
  read(key) {
    try { return JSON.parse(localStorage.getItem(key)) || []; } catch { return []; }
  },
  write(key, copies) {
    // Between pressing "Thoát" and the next page nothing may come back.
    if (this.isClosed && copies.length) return false;
    try {
      if (copies.length) localStorage.setItem(key, JSON.stringify(copies));
      else localStorage.removeItem(key);
      return true;
    } catch { return false; }
  },
  keys() {
    try { return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)); } catch { return []; }
  },
  prune() {
    for (const key of this.keys()) this.write(key, this.read(key).filter((copy) => Date.now() - copy.at < KEPT_FOR));
  },
};

const patience = (length) => AbortSignal.timeout ? AbortSignal.timeout(length) : undefined;
const clock = (moment) => new Date(moment).toLocaleTimeString("vi", { hour: "2-digit", minute: "2-digit" });
const keyOf = (form) => `${PREFIX}${person}:${new URL(form.getAttribute("action") || location.pathname, location).pathname}`;
const typable = (field) => field.name && !["hidden", "password", "file", "submit", "button", "reset"].includes(field.type);
const ticked = (field) => field.type === "checkbox" || field.type === "radio";

/* {name: value}; boxes and buttons of one name as the ticked values, a line each */
function values(form, ofField) {
  const found = {};
  for (const field of form.elements) {
    if (typable(field)) found[field.name] = ticked(field) ? (found[field.name] || "") + ofField(field) : ofField(field);
  }
  return found;
}
const now = (field) => ticked(field) ? (field.checked ? `${field.value}\n` : "") : field.value;
function asServed(field) {
  if (ticked(field)) return field.defaultChecked ? `${field.value}\n` : "";
  if (!field.options) return field.defaultValue;
  return ([...field.options].find((option) => option.defaultSelected) || field.options[0] || { value: "" }).value;
}
function put(form, name, value) {
  const fields = [...form.elements].filter((field) => field.name === name && typable(field));
  for (const field of fields) {
    if (ticked(field)) field.checked = value.split("\n").includes(field.value);
    else field.value = value;
  }
  if (fields.length) fields[0].dispatchEvent(new Event("input", { bubbles: true }));
  return fields.length > 0;
}

class Draft {
  constructor(form) {
    this.form = form;
    this.key = keyOf(form);
    this.url = form.dataset.draft;
    // What came back unsaved holds words that the server has not kept.
    this.isUnsaved = form.querySelector(".is-invalid") !== null || form.dataset.guard === "unsaved";
    this.saved = this.isUnsaved ? {} : values(form, asServed);
    this.pending = store.read(this.key);
    this.timer = this.since = this.sending = this.retry = null;
  }

  changed() {
    const current = values(this.form, now);
    return Object.keys(current).filter((name) => current[name] !== this.saved[name]);
  }

  waits(name) {
    const field = this.form.elements[name];
    const row = field instanceof Element && field.closest("tr");
    return row && row.nextElementSibling && row.nextElementSibling.matches("[data-problem]");
  }

  get questions() { return this.form.querySelectorAll("[data-problem]").length + Number(this.isBlocked); }
  get isBlocked() { return document.querySelector("#clash > section") !== null; }
  get isDirty() { return this.isUnsaved || this.changed().length > 0; }

  say(words) {
    const line = this.form.querySelector("#kept");
    if (!line || line.textContent === words) return;
    line.textContent = words;
    line.classList.toggle("kept-not", words !== "");
  }

  keep() {
    const names = this.changed();
    const current = values(this.form, now);
    const only = (source) => Object.fromEntries(names.map((name) => [name, source[name] || ""]));
    const live = names.length ? [{ at: Date.now(), values: only(current), before: only(this.saved) }] : [];
    this.isKept = store.write(this.key, [...live, ...this.pending]);
  }

  typed(pause) {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.keep(), 200);
    if (!this.url || this.isBlocked) return;
    this.since = this.since || Date.now();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.min(pause, Math.max(0, this.since + LONGEST_PAUSE - Date.now())));
  }

  /* Rows that nobody touched stay at home: a saving of one rating need not carry a hundred. */
  body(names) {
    const data = new FormData(this.form);
    const touched = new Set(names.map((name) => this.form.elements[name]).map((field) => field.closest && field.closest("tbody tr")));
    for (const row of this.form.querySelectorAll("tbody tr")) {
      if (touched.has(row)) continue;
      for (const field of row.querySelectorAll("[name]")) data.delete(field.name);
    }
    data.set("csrfmiddlewaretoken", csrfToken());
    data.set("mark", `${pageMark}.${++savings}`);
    return data;
  }

  /* One at a time; resolves when the server has answered or cannot be reached. */
  save() {
    clearTimeout(this.timer);
    clearTimeout(this.retry);
    if (this.sending || !this.url || this.isBlocked) return this.sending || Promise.resolve();
    const names = this.changed().filter((name) => !this.waits(name));
    if (!names.length) return Promise.resolve();
    this.since = null;
    this.keep();
    const sent = values(this.form, now);
    const options = { method: "POST", body: this.body(names), headers: { "X-CSRFToken": csrfToken() }, signal: patience(20000) };
    this.sending = fetch(this.url, options)
      .then(async (answer) => this.answered(answer, await answer.text(), names, sent), () => this.notReached())
      .finally(() => {
        this.sending = null;
        this.keep();
      });
    return this.sending;
  }

  answered(answer, text, names, sent) {
    if (answer.status === 401 || /^\s*<!doctype/i.test(text) && answer.status < 400) return this.signedOut();
    if (answer.status === 409 || answer.status === 422) replaceById(text);
    else if (!answer.ok) return this.notReached(answer.status < 500);
    else replaceById(text);
    show("signed-out", false);
    show("not-sent", false);
    if (answer.status === 422 || this.isBlocked) return undefined;
    this.isUnsaved = false;
    for (const name of names) if (!this.waits(name)) this.saved[name] = sent[name];
    if (this.changed().some((name) => !this.waits(name))) this.typed(PAUSE);
    return undefined;
  }

  signedOut() {
    show("signed-out", true);
    this.notReached();
  }

  notReached(isFinal = false) {
    const kept = this.isKept ? ` Máy này đang giữ bản gõ lúc ${clock(Date.now())}.` : " Xin đừng đóng trang này.";
    this.say(`Chưa lưu lên hệ thống.${kept}`);
    if (isFinal) show("not-sent", true);
    else this.retry = setTimeout(() => this.save(), RETRY);
  }

  /* The decision between two texts fell for the stored one. */
  discard() {
    this.form.reset();
    this.isUnsaved = false;
    this.saved = values(this.form, now);
    store.write(this.key, this.pending);
  }

  offer() {
    const current = values(this.form, now);
    this.pending = this.pending.filter((copy) => Object.keys(copy.values).some((name) => copy.values[name] !== current[name]));
    store.write(this.key, this.pending);
    for (const copy of this.pending) this.form.before(this.panel(copy));
  }

  panel(copy) {
    const panel = document.getElementById("kept-copy").content.cloneNode(true).firstElementChild;
    const day = new Date(copy.at).toLocaleDateString("vi");
    panel.querySelector("[data-when]").textContent = `${clock(copy.at)} ngày ${day}`;
    const lines = panel.querySelector("dl");
    const current = values(this.form, now);
    for (const name of Object.keys(copy.values)) {
      if (copy.values[name] === current[name]) continue;
      lines.append(element("dt", labelOf(this.form, name)), element("dd", wordOf(this.form, name, copy.values[name])));
      if (current[name] && current[name] !== copy.before[name]) {
        lines.append(element("dt", "Bản đã lưu trên hệ thống"), element("dd", wordOf(this.form, name, current[name])));
      }
    }
    panel.querySelector("[data-use]").addEventListener("click", () => {
      const lost = Object.keys(copy.values).filter((name) => !put(this.form, name, copy.values[name]));
      if (!lost.length) this.forget(copy, panel);
      this.keep();
    });
    panel.querySelector("[data-drop]").addEventListener("click", () => this.forget(copy, panel));
    return panel;
  }

  forget(copy, panel) {
    this.pending = this.pending.filter((other) => other !== copy);
    panel.remove();
    const first = [...this.form.elements].find(typable);
    if (first) first.focus();
    this.keep();
  }
}

function element(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}
function firstOf(form, name) {
  const found = form.elements[name];
  return found instanceof Element ? found : found && found[0];
}
function labelOf(form, name) {
  const field = firstOf(form, name);
  if (!field) return "Mục không còn ở trang này";
  const by = (field.getAttribute("aria-labelledby") || "").split(" ").map((id) => document.getElementById(id)).filter(Boolean);
  const legend = ticked(field) && field.closest("fieldset") && field.closest("fieldset").querySelector("legend");
  const label = legend || (field.labels && field.labels[0]);
  return (by.length ? by : [label]).map((found) => found ? found.textContent.trim() : name).join(", ");
}
function wordOf(form, name, value) {
  const field = firstOf(form, name);
  if (field && field.options) return ([...field.options].find((option) => option.value === value) || { text: value }).text;
  if (!field || !ticked(field)) return value || "(để trống)";
  const chosen = [...form.elements].filter((other) => other.name === name && value.split("\n").includes(other.value));
  return chosen.map((other) => other.labels[0] ? other.labels[0].textContent.trim() : other.value).join(", ") || "(chưa chọn)";
}
function replaceById(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text;
  const pieces = [...holder.content.children, ...holder.content.querySelectorAll("table[data-pieces] tr")];
  for (const fresh of pieces) {
    const old = fresh.id && document.getElementById(fresh.id);
    if (old && old.outerHTML !== fresh.outerHTML) old.replaceWith(fresh);
  }
}

store.prune();
const drafts = person ? [...document.querySelectorAll("form[data-guard]")].map((form) => new Draft(form)) : [];
const draftOf = (form) => drafts.find((draft) => draft.form === form);

/* Was what this window sent last taken? Only a page that says so ends the copy: no error, and either another page or a word of success. */
function settle() {
  const sent = JSON.parse(sessionStorage.getItem("sent") || "null");
  sessionStorage.removeItem("sent");
  if (!sent || !person) return;
  const [visit] = performance.getEntriesByType("navigation");
  const failed = document.body.dataset.failed || document.querySelector("main > .note-bad[role=alert]:not([hidden])");
  const praised = document.querySelector("main > .note-good[role=status]");
  const came = visit && visit.type === "navigate" && document.referrer && new URL(document.referrer).pathname === sent.page;
  if (came && !failed && (praised || location.pathname !== sent.page)) store.write(sent.key, store.read(sent.key).slice(sent.copies));
}
try { settle(); } catch { /* a browser that keeps nothing has nothing to end */ }
for (const draft of drafts) {
  draft.pending = store.read(draft.key);
  draft.offer();
  if (draft.isUnsaved) draft.keep();
  if (draft.url && draft.changed().length) draft.typed(PAUSE);
}

document.addEventListener("input", (event) => {
  const draft = draftOf(event.target.form);
  if (draft) draft.typed(PAUSE);
});
document.addEventListener("change", (event) => {
  const draft = draftOf(event.target.form);
  if (draft) draft.typed(300);
});
for (const name of ["focus", "online"]) {
  window.addEventListener(name, () => drafts.filter((draft) => draft.retry).forEach((draft) => draft.save()));
}
document.addEventListener("visibilitychange", () => {
  for (const draft of drafts) {
    if (document.visibilityState === "hidden" && draft.isDirty) draft.keep();
    if (draft.isDirty) draft.save();
  }
});
window.addEventListener("pagehide", () => drafts.filter((draft) => draft.isDirty).forEach((draft) => draft.keep()));

let leaving = false;
window.addEventListener("beforeunload", (event) => {
  if (!leaving && drafts.some((draft) => draft.isDirty)) event.preventDefault();
});

function send(form, button) {
  if (form.requestSubmit) form.requestSubmit(button);
  else form.submit();
}
async function reachable() {
  if (navigator.onLine) return true;
  // A machine without a network may still hold the server.
  return fetch("/healthz", { signal: patience(5000) }).then(() => true, () => false);
}

// Before app.js disables buttons: what is on its way must arrive first, and without a line the page stays.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const token = form.querySelector("[name=csrfmiddlewaretoken]");
  // Signing in again in another window renewed the mark that this page was served with.
  if (token) token.value = csrfToken();
  const draft = draftOf(form);
  if (form.matches("[data-resend]") && person) rememberSent(keyOf(form), 1);
  if (!draft) return;
  draft.keep();
  if (draft.sending || (!navigator.onLine && !form.dataset.reached)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    const asked = draft.questions;
    Promise.resolve(draft.sending).then(reachable).then((isUp) => {
      if (!isUp) return show("not-sent", true);
      // A question came up while the button was pressed: nobody has answered it yet.
      if (draft.questions > asked) return document.querySelector("#clash > section, [data-problem]").scrollIntoView();
      form.dataset.reached = "1";
      return send(form, event.submitter);
    });
    return;
  }
  clearTimeout(draft.timer);
  clearTimeout(draft.retry);
  if (draft.url) {
    const mark = form.querySelector("[name=mark]") || form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name: "mark" }));
    mark.value = `${pageMark}.${++savings}`;
  }
  rememberSent(draft.key, draft.changed().length ? 1 : 0);
  leaving = true;
}, true);
function rememberSent(key, copies) {
  try { sessionStorage.setItem("sent", JSON.stringify({ key, copies, page: location.pathname })); } catch { /* nothing is kept then */ }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (link && link.matches("[data-discard]")) {
    drafts.forEach((draft) => draft.discard());
    leaving = true;
  } else if (link && !link.target && link.origin === location.origin && link.pathname !== location.pathname && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    const open = drafts.filter((draft) => draft.url && draft.isDirty && !draft.isBlocked);
    if (!open.length || event.defaultPrevented) return;
    event.preventDefault();
    const enough = new Promise((resolve) => { setTimeout(resolve, 4000); });
    Promise.race([Promise.all(open.map((draft) => draft.save())), enough]).then(() => location.assign(link.href));
  }
  const chooser = event.target.closest("[data-take-stored]");
  if (chooser) takeStored(document.getElementById(chooser.dataset.takeStored));
});

/* The choices of a row as stored: its hidden field carries them as one letter each, in the order of the columns. */
function takeStored(row) {
  const draft = draftOf(row.closest("form"));
  const letters = row.querySelector("th input[type=hidden]").value.split(".").pop();
  [...row.querySelectorAll("select")].forEach((field, index) => {
    const option = [...field.options].find((one) => (one.value.charAt(0) || "-") === letters[index]);
    field.value = option ? option.value : "";
    draft.saved[field.name] = field.value;
  });
  row.nextElementSibling.replaceChildren();
  row.nextElementSibling.hidden = true;
  row.nextElementSibling.removeAttribute("data-problem");
  row.querySelector("select").focus();
  draft.keep();
}

// A shared machine keeps nothing of whoever has left.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches("[data-leave]")) return;
  drafts.forEach((draft) => draft.keep());
  const own = store.keys().filter((key) => key.startsWith(`${PREFIX}${person}:`));
  if (own.length && !window.confirm("Máy này còn giữ nội dung đồng chí gõ mà chưa lưu được. Thoát thì nội dung đó bị xóa khỏi máy. Đồng chí vẫn thoát?")) {
    event.preventDefault();
    return;
  }
  store.isClosed = true;
  own.forEach((key) => store.write(key, []));
  leaving = true;
});
