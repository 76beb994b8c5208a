// An editable grid that draws only the rows in sight, so thousands of them stay quick.

import { el, reconcile } from "./dom.js";
import { say } from "./language.js";

const ROW_PX = 34;
const SPARE_ROWS = 8;
const NARROWEST_PX = 64;
const WIDEST_PX = 320;
const SAMPLED_ROWS = 200;
const PX_PER_CHARACTER = 7.6;
const PX_PER_BOLD_CHARACTER = 8.8;
const CELL_PADDING_PX = 24;

/**
 * `rows[0]` holds the column names. The grid edits `rows` in place and calls `changed()` after each edit.
 * Arrows move, Enter or typing edits, Delete clears, copy and paste take blocks of cells.
 */
export class Grid {
  constructor(rows, changed) {
    this.rows = rows;
    this.changed = changed;
    this.at = { row: Math.min(1, rows.length - 1), column: 0 };
    this.nodes = new Map();
    this.header = el("div", { class: "grid-row grid-head", role: "row" });
    this.body = el("div", { class: "grid-body" });
    this.node = el("div", {
      class: "grid", role: "grid", tabindex: 0, "data-testid": "grid",
      "aria-label": say("Таблица", "Sheet"),
      onscroll: () => this.draw(),
      onkeydown: (event) => this.key(event),
      onmousedown: (event) => this.pointed(event),
      ondblclick: () => this.edit(),
      oncopy: (event) => this.copy(event),
      onpaste: (event) => this.paste(event),
    }, this.header, this.body);
    this.measure();
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  get columns() {
    return this.columnCount;
  }

  measure() {
    const sample = this.rows.slice(0, SAMPLED_ROWS);
    this.columnCount = Math.max(1, ...this.rows.map((row) => row.length));
    const widths = Array.from({ length: this.columnCount }, (_, column) => {
      const title = (this.rows[0]?.[column]?.length ?? 0) * PX_PER_BOLD_CHARACTER;
      const longest = Math.max(0, ...sample.map((row) => row[column]?.length ?? 0)) * PX_PER_CHARACTER;
      return Math.max(NARROWEST_PX, Math.min(WIDEST_PX, Math.ceil(Math.max(title, longest)) + CELL_PADDING_PX));
    });
    this.node.style.setProperty("--columns", `56px ${widths.map((width) => `${width}px`).join(" ")}`);
    this.node.setAttribute("aria-rowcount", String(this.rows.length));
    this.node.setAttribute("aria-colcount", String(this.columnCount));
  }

  /** Call after rows were added or removed. */
  refresh() {
    this.measure();
    this.nodes.clear();
    this.at.row = Math.max(0, Math.min(this.at.row, this.rows.length - 1));
    this.draw();
  }

  draw() {
    this.body.style.height = `${Math.max(0, this.rows.length - 1) * ROW_PX}px`;
    this.fill(this.header, 0);
    const first = Math.max(1, Math.floor(this.node.scrollTop / ROW_PX) + 1 - SPARE_ROWS);
    const last = Math.min(this.rows.length - 1, first + Math.ceil(this.node.clientHeight / ROW_PX) + SPARE_ROWS * 2);
    const shown = [];
    for (let row = first; row <= last; row += 1) shown.push(this.rowNode(row));
    for (const row of this.nodes.keys()) if (row < first || row > last) this.nodes.delete(row);
    reconcile(this.body, shown);
    this.node.setAttribute("aria-activedescendant", cellId(this.at.row, this.at.column));
  }

  rowNode(row) {
    let node = this.nodes.get(row);
    if (!node) {
      node = el("div", { class: "grid-row", role: "row", "aria-rowindex": row + 1, style: `top:${(row - 1) * ROW_PX}px` });
      this.nodes.set(row, node);
    }
    this.fill(node, row);
    return node;
  }

  /** Draws a row only when what it shows has changed: scrolling calls this for every row in sight. */
  fill(node, row) {
    const cells = this.rows[row] ?? [];
    const mark = this.at.row === row ? this.at.column : -1;
    if (node.drawn === cells && node.drawnMark === mark && node.drawnText === cells.join("\u0001") && !this.editing) return;
    if (this.editing?.row === row && node.contains(this.editing.input)) return;
    node.drawn = cells;
    node.drawnMark = mark;
    node.drawnText = cells.join("\u0001");
    node.classList.toggle("at", mark >= 0);
    const number = el("div", { class: "grid-number", role: "rowheader" }, String(row + 1));
    const made = Array.from({ length: this.columnCount }, (_, column) => {
      const text = cells[column] ?? "";
      return el("div", {
        class: `grid-cell${column === mark ? " current" : ""}${/^-?\d+([.,]\d+)?$/.test(text) ? " numeric" : ""}`,
        role: row === 0 ? "columnheader" : "gridcell",
        id: cellId(row, column),
        "data-row": row,
        "data-column": column,
        "aria-selected": column === mark ? "true" : null,
        title: text.length > 40 ? text : null,
      }, text);
    });
    node.replaceChildren(number, ...made);
  }

  cellNode(row, column) {
    return this.node.querySelector(`#${cellId(row, column)}`);
  }

  moveTo(row, column) {
    this.at = { row: Math.max(0, Math.min(this.rows.length - 1, row)), column: Math.max(0, Math.min(this.columnCount - 1, column)) };
    const top = (this.at.row - 1) * ROW_PX;
    const room = this.node.clientHeight - ROW_PX;
    if (this.at.row > 0) {
      if (top < this.node.scrollTop) this.node.scrollTop = top;
      else if (top + ROW_PX > this.node.scrollTop + room) this.node.scrollTop = top + ROW_PX - room + 12;
    }
    this.draw();
    this.cellNode(this.at.row, this.at.column)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  pointed(event) {
    const cell = event.target.closest("[data-row]");
    if (!cell || event.target === this.editing?.input) return;
    event.preventDefault();
    this.finishEditing(true);
    this.node.focus({ preventScroll: true });
    this.at = { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
    this.draw();
  }

  set(row, column, text) {
    const cells = this.rows[row];
    if ((cells[column] ?? "") === text) return;
    while (cells.length <= column) cells.push("");
    cells[column] = text;
    this.changed();
  }

  edit(start = null) {
    const { row, column } = this.at;
    const cell = this.cellNode(row, column);
    if (!cell) return;
    const input = el("input", { class: "grid-input", value: start ?? this.rows[row][column] ?? "", "aria-label": `${this.rows[0][column] ?? ""}, ${row + 1}`, "data-testid": "cell-input" });
    this.editing = { row, column, input };
    cell.replaceChildren(input);
    input.addEventListener("blur", () => this.finishEditing(true));
    input.addEventListener("keydown", (event) => {
      const moves = { Enter: [event.shiftKey ? -1 : 1, 0], Tab: [0, event.shiftKey ? -1 : 1] };
      if (event.key === "Escape") this.finishEditing(false);
      else if (moves[event.key]) {
        this.finishEditing(true);
        this.moveTo(row + moves[event.key][0], column + moves[event.key][1]);
      } else {
        event.stopPropagation();
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      this.node.focus({ preventScroll: true });
    });
    input.focus();
    if (start === null) input.select();
  }

  finishEditing(keep) {
    if (!this.editing) return;
    const { row, column, input } = this.editing;
    this.editing = null;
    if (keep) this.set(row, column, input.value);
    const node = row === 0 ? this.header : this.nodes.get(row);
    if (node) node.drawn = null;
    this.draw();
  }

  key(event) {
    if (this.editing) return;
    const { row, column } = this.at;
    const page = Math.max(1, Math.floor(this.node.clientHeight / ROW_PX) - 2);
    const moves = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-page, 0], PageDown: [page, 0],
    };
    if (moves[event.key]) this.moveTo(row + moves[event.key][0], column + moves[event.key][1]);
    else if (event.key === "Home") this.moveTo(event.ctrlKey ? 1 : row, 0);
    else if (event.key === "End") this.moveTo(event.ctrlKey ? this.rows.length - 1 : row, this.columnCount - 1);
    else if (event.key === "Enter" || event.key === "F2") this.edit();
    else if (event.key === "Delete" || event.key === "Backspace") {
      this.set(row, column, "");
      this.draw();
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) this.edit(event.key);
    else return;
    event.preventDefault();
  }

  copy(event) {
    if (this.editing) return;
    event.clipboardData.setData("text/plain", this.rows[this.at.row][this.at.column] ?? "");
    event.preventDefault();
  }

  paste(event) {
    if (this.editing) return;
    event.preventDefault();
    const block = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.split("\t"));
    block.forEach((line, down) => {
      const row = this.at.row + down;
      while (this.rows.length <= row) this.rows.push(Array.from({ length: this.columnCount }, () => ""));
      line.forEach((text, right) => this.set(row, this.at.column + right, text));
    });
    this.refresh();
  }

  /** Moves to the next cell that holds `text`, from the current one on and around. Returns whether there is one. */
  find(text) {
    const wanted = text.toLocaleLowerCase();
    const total = this.rows.length * this.columnCount;
    const start = this.at.row * this.columnCount + this.at.column;
    for (let step = 1; step <= total; step += 1) {
      const index = (start + step) % total;
      const row = Math.floor(index / this.columnCount);
      const column = index % this.columnCount;
      if ((this.rows[row][column] ?? "").toLocaleLowerCase().includes(wanted)) {
        this.moveTo(row, column);
        return true;
      }
    }
    return false;
  }
}

function cellId(row, column) {
  return `cell-${row}-${column}`;
}
