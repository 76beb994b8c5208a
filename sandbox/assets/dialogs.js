// Dialog windows, pop-up menus and short notices.

import { el, icon } from "./dom.js";
import { say } from "./language.js";

const TOAST_MS = 4000;

/** Shows a short sentence over `host`, read out by screen readers. */
export function toast(host, text) {
  let shelf = host.querySelector(":scope > .toasts");
  if (!shelf) {
    shelf = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
    host.append(shelf);
  }
  const notice = el("div", { class: "toast", "data-testid": "toast" }, text);
  shelf.append(notice);
  setTimeout(() => notice.remove(), TOAST_MS);
}

/** A modal window that is removed when closed; Esc and a click outside close it. */
export function openDialog(label, content, { className = "", testId = null } = {}) {
  const dialog = el("dialog", { class: `dialog ${className}`, "aria-label": label, "data-testid": testId }, content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("mousedown", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function alertDialog(title, text) {
  const dialog = openDialog(
    title,
    el("form", { method: "dialog", class: "dialog-body" },
      el("h2", {}, title),
      el("p", { class: "alert-text" }, text),
      el("div", { class: "dialog-actions" }, el("button", { class: "button primary", "data-testid": "alert-ok" }, say("Понятно", "OK"))),
    ),
    { testId: "alert" },
  );
  return dialog;
}

/** Asks before something that can't be taken back. Resolves to true when the person agrees. */
export function confirmDialog(title, text, verb) {
  return new Promise((resolve) => {
    const dialog = openDialog(
      title,
      el("form", { method: "dialog", class: "dialog-body" },
        el("h2", {}, title),
        el("p", {}, text),
        el("div", { class: "dialog-actions" },
          el("button", { class: "button", value: "no" }, say("Отмена", "Cancel")),
          el("button", { class: "button danger", value: "yes", "data-testid": "confirm" }, verb),
        ),
      ),
    );
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
  });
}

/** A form in a dialog. `submit` may throw: its message is shown and the dialog stays. */
export function formDialog({ title, lead, fields, verb, submit, testId }) {
  const problem = el("p", { class: "form-problem", role: "alert", hidden: true });
  const form = el("form", { class: "dialog-body" },
    el("h2", {}, title),
    lead ? el("p", { class: "muted" }, lead) : null,
    fields,
    problem,
    el("div", { class: "dialog-actions" },
      el("button", { type: "button", class: "button", onclick: () => dialog.close() }, say("Отмена", "Cancel")),
      el("button", { type: "submit", class: "button primary", "data-testid": "submit" }, verb),
    ),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await submit(new FormData(form));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
  const dialog = openDialog(title, form, { testId });
  return dialog;
}

/**
 * A pop-up menu at `anchor` (an element, or `{x, y}`). Items: `{ icon, label, testId?, danger?, run }`.
 * Arrow keys move, Esc closes and gives the focus back.
 */
export function openMenu(anchor, label, items) {
  document.querySelector(".menu")?.remove();
  const returnFocusTo = document.activeElement;
  const close = (restore) => {
    menu.remove();
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("resize", closeQuietly);
    if (restore) returnFocusTo?.focus?.();
  };
  const closeQuietly = () => close(false);
  const outside = (event) => {
    if (!menu.contains(event.target)) close(false);
  };
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label },
    items.map((item) =>
      el("button", {
        type: "button",
        role: "menuitem",
        class: item.danger ? "danger" : null,
        "data-testid": item.testId,
        onclick: () => {
          close(true);
          item.run();
        },
      }, icon(item.icon), item.label),
    ),
  );
  menu.addEventListener("keydown", (event) => {
    const buttons = [...menu.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "Escape") close(true);
    else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length].focus();
    else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length].focus();
    else if (event.key === "Tab") close(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(menu);
  place(menu, anchor);
  document.addEventListener("pointerdown", outside, true);
  window.addEventListener("resize", closeQuietly);
  menu.querySelector("button")?.focus({ preventScroll: true });
  return menu;
}

const MARGIN_PX = 8;

function place(menu, anchor) {
  const box = anchor instanceof Element ? anchor.getBoundingClientRect() : { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
  const { width, height } = menu.getBoundingClientRect();
  const below = box.bottom + 4 + height < window.innerHeight - MARGIN_PX;
  const top = below ? box.bottom + 4 : Math.max(MARGIN_PX, box.top - 4 - height);
  // A button of a chat stands at its right edge; its menu should not cover the chat beside it.
  const ofChat = anchor instanceof Element && anchor.closest(".chat") && box.right - width > MARGIN_PX;
  const leftAligned = !ofChat && box.left + width < window.innerWidth - MARGIN_PX;
  const left = leftAligned ? box.left : Math.max(MARGIN_PX, box.right - width);
  menu.style.top = `${top}px`;
  menu.style.left = `${left}px`;
}
