// The Google Sheets page: look into the tables the product imports, edit, spoil and restore them.

import { get, getText, post, put, putText } from "./api.js";
import { formatCsv, parseCsv } from "./csv.js";
import { confirmDialog, toast } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { Grid } from "./grid.js";
import { plural, say } from "./language.js";
import { modeChoices, sheetModes } from "./modes.js";
import { attempt, quietly, startPage } from "./page.js";

let sheets = null;
let open = null;
let table = null;
let grid = null;
let rawText = null;
let dirty = false;
let mode = null;
let parts = {};

function address() {
  return `/sandbox/sheets/${encodeURIComponent(open.sheet.id)}/${open.tab.gid}`;
}

async function mayLeave() {
  if (!dirty) return true;
  return confirmDialog(
    say("Изменения не сохранены", "The changes are not saved"),
    say("Уйти без сохранения?", "Leave without saving?"),
    say("Уйти", "Leave"),
  );
}

async function openTab(sheet, tab) {
  if (!(await mayLeave())) return;
  open = { sheet, tab };
  history.replaceState(null, "", `?sheet=${encodeURIComponent(sheet.id)}&gid=${tab.gid}`);
  await load();
}

async function load() {
  const text = await attempt(() => getText(address()));
  if (text === undefined) return;
  table = parseCsv(text);
  if (table.rows.length === 0) table.rows.push([""]);
  if (rawText !== null) rawText = text;
  setDirty(false);
  render();
}

function setDirty(next) {
  dirty = next;
  if (parts.save) parts.save.disabled = !next;
  if (parts.state) parts.state.hidden = !next;
  if (parts.count) parts.count.textContent = rowCount();
}

function rowCount() {
  if (!table) return "";
  return plural(Math.max(0, table.rows.length - 1), ["строка", "строки", "строк"], ["row", "rows"]);
}

function currentText() {
  return rawText ?? formatCsv(table);
}

async function save() {
  grid?.finishEditing(true);
  const text = currentText();
  const saved = await attempt(() => putText(address(), text, "text/csv; charset=utf-8"), say("Сохранено. Следующая загрузка увидит это.", "Saved. The next import will see it."));
  if (!saved) return;
  if (rawText !== null) table = parseCsv(rawText);
  setDirty(false);
}

async function reset() {
  const sure = await confirmDialog(
    say("Вернуть исходное содержимое?", "Restore the shipped content?"),
    say("Все правки этой вкладки пропадут.", "Every edit of this tab is lost."),
    say("Вернуть", "Restore"),
  );
  if (!sure) return;
  dirty = false;
  await attempt(() => post(`${address()}/reset`), say("Как было", "As it was"));
  await load();
}

function addRow() {
  const at = grid.at.row + 1;
  table.rows.splice(at, 0, Array.from({ length: grid.columns }, () => ""));
  grid.refresh();
  grid.moveTo(at, 0);
  grid.node.focus();
  setDirty(true);
}

function deleteRow() {
  if (grid.at.row === 0 || table.rows.length < 2) {
    toast(document.body, say("Строка с названиями столбцов нужна таблице", "The sheet needs its row of column names"));
    return;
  }
  table.rows.splice(grid.at.row, 1);
  grid.refresh();
  setDirty(true);
}

function toggleRaw() {
  if (rawText === null) {
    grid?.finishEditing(true);
    rawText = formatCsv(table);
  } else {
    table = parseCsv(rawText);
    if (table.rows.length === 0) table.rows.push([""]);
    rawText = null;
  }
  render();
}

function render() {
  const place = document.getElementById("sheet");
  if (!sheets) {
    place.replaceChildren(el("p", { class: "empty" }, say("Загружаю таблицы…", "Loading the sheets…")));
    return;
  }
  const tabs = sheets.flatMap((sheet) => sheet.tabs.map((tab) => ({ sheet, tab })));
  const isOpen = ({ sheet, tab }) => open && sheet.id === open.sheet.id && tab.gid === open.tab.gid;
  const find = el("input", { type: "search", placeholder: say("Найти…", "Find…"), "aria-label": say("Найти в таблице", "Find in the sheet"), "data-testid": "find", onkeydown: (event) => {
    if (event.key !== "Enter" || !find.value) return;
    event.preventDefault();
    if (!grid?.find(find.value)) toast(document.body, say("Не нашлось", "Nothing found"));
  } });
  parts = {
    save: el("button", { type: "button", class: "button primary small", "data-testid": "save", disabled: !dirty, onclick: save }, icon("check"), say("Сохранить", "Save")),
    state: el("span", { class: "status warn", hidden: !dirty }, say("не сохранено", "not saved")),
    count: el("span", { class: "muted" }, rowCount()),
  };
  const tool = (testId, picture, label, run) => el("button", { type: "button", class: "button small", "data-testid": testId, onclick: run }, icon(picture), label);
  const rawMode = rawText !== null;
  place.replaceChildren(
    el("div", { class: "card-head" },
      el("h2", {}, open?.sheet.title ?? ""),
      el("code", { class: "muted sheet-id" }, open?.sheet.id ?? ""),
    ),
    el("div", { class: "sheet-tools" },
      rawMode ? null : find,
      rawMode ? null : tool("add-row", "plus", say("Строка", "Row"), addRow),
      rawMode ? null : tool("delete-row", "trash", say("Удалить строку", "Delete row"), deleteRow),
      tool("raw", rawMode ? "table" : "edit", rawMode ? say("Таблицей", "As a table") : say("Как CSV", "As CSV"), toggleRaw),
      tool("reset-tab", "refresh", say("Вернуть исходное", "Restore"), reset),
      el("span", { class: "spacer" }),
      parts.count,
      parts.state,
      parts.save,
    ),
    rawMode ? rawField() : gridField(),
    el("div", { class: "sheet-tabs", role: "tablist", "aria-label": say("Вкладки таблицы", "Tabs of the sheet") }, tabs.map((one) =>
      el("button", { type: "button", role: "tab", "aria-selected": String(Boolean(isOpen(one))), "data-testid": `tab-${one.tab.gid}`, onclick: () => openTab(one.sheet, one.tab) }, one.tab.name))),
  );
  grid?.draw();
}

function gridField() {
  if (!table) return el("div", { class: "grid" });
  if (grid?.rows !== table.rows) grid = new Grid(table.rows, () => setDirty(true));
  return grid.node;
}

function rawField() {
  grid = null;
  return el("textarea", {
    class: "raw-csv", spellcheck: "false", wrap: "off", "data-testid": "raw-csv", "aria-label": "CSV", value: rawText,
    oninput: (event) => {
      rawText = event.target.value;
      setDirty(true);
    },
  });
}

function renderBadDay() {
  if (mode === null) return;
  document.getElementById("bad-day").replaceChildren(
    el("div", { class: "card-head" }, el("h2", {}, say("Плохой день у Google", "A bad day at Google"))),
    modeChoices("sheets", sheetModes(), mode, async (next) => {
      mode = next;
      await attempt(() => put("/sandbox/faults", { sheets: { mode: next } }));
    }),
  );
}

async function begin() {
  sheets = await attempt(() => get("/sandbox/sheets"));
  if (!sheets?.length) return;
  const asked = new URLSearchParams(location.search);
  const sheet = sheets.find((one) => one.id === asked.get("sheet")) ?? sheets[0];
  const tab = sheet.tabs.find((one) => String(one.gid) === asked.get("gid")) ?? sheet.tabs[0];
  await openTab(sheet, tab);
}

window.addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.code === "KeyS") {
    event.preventDefault();
    grid?.finishEditing(true);
    if (dirty) save();
  }
});

startPage("sheets", () => say("Таблицы", "Sheets"), () => {
  render();
  renderBadDay();
});
quietly("/sandbox/faults").then((faults) => {
  mode = faults?.sheets?.mode ?? null;
  renderBadDay();
});
begin();
