/* Speed for tables of choices (<table data-keys>) and a count of characters left (<p data-count="#id">). Plain selects and maxlength do without. */
"use strict";

const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const knowsOpen = CSS.supports("selector(:open)");

/* The nearest choice in one direction; rows and cells without one (already sent) are passed over. */
function neighbour(cell, down, across) {
  let row = cell.parentElement;
  let column = cell.cellIndex;
  do {
    column += across;
    if (down) row = down > 0 ? row.nextElementSibling : row.previousElementSibling;
    const field = row && row.cells[column] && row.cells[column].querySelector("select");
    if (field) return field;
  } while (row && column > 0 && (down || column < row.cells.length));
  return null;
}

/* Enter goes on as one writes: along the row and into the next (data-keys="across"), or down the meeting (data-keys="down"). */
function following(field, way) {
  const cell = field.closest("td");
  const next = way === "down" ? neighbour(cell, 1, 0) : neighbour(cell, 0, 1);
  if (next || way === "down") return next || field;
  let row = cell.parentElement;
  do row = row.nextElementSibling; while (row && !row.querySelector("select"));
  return row ? row.querySelector("select") : field;
}

document.addEventListener("keydown", (event) => {
  const field = event.target;
  if (!field.matches("table[data-keys] select") || event.altKey || event.ctrlKey || event.metaKey) return;
  if (knowsOpen && field.matches(":open")) return;
  if (event.key in steps) {
    event.preventDefault();
    const next = neighbour(field.closest("td"), ...steps[event.key]);
    if (next) next.focus();
  } else if (event.key === "Enter") {
    event.preventDefault();
    following(field, field.closest("table").dataset.keys).focus();
  } else if (/^[0-9]$/.test(event.key)) {
    event.preventDefault();
    if (Number(event.key) >= field.options.length) return;
    field.selectedIndex = Number(event.key);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
});

for (const line of document.querySelectorAll("[data-count]")) {
  const field = document.querySelector(line.dataset.count);
  const tell = () => { line.textContent = `Còn ${(field.maxLength - field.value.length).toLocaleString("vi")} ký tự.`; };
  field.addEventListener("input", tell);
  tell();
}
