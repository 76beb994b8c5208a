// Small helpers over the DOM, so that the pages need no framework.

/**
 * Builds an element. `on…` functions become listeners, `true` an empty attribute,
 * `null`, `undefined` and `false` are left out; children may be nodes, texts, arrays or nothing.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child);
  }
}

/** Makes `parent` hold exactly `nodes` in this order, moving as little as possible, so focus and scroll survive. */
export function reconcile(parent, nodes) {
  let current = parent.firstChild;
  for (const node of nodes) {
    if (node === current) {
      current = current.nextSibling;
    } else {
      parent.insertBefore(node, current);
    }
  }
  while (current) {
    const next = current.nextSibling;
    current.remove();
    current = next;
  }
}

const HIDDEN_FRAME_MS = 100;

// Outline icons on a 24×24 field.
const PATHS = {
  back: "M15 5l-7 7 7 7",
  down: "M6 10l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  plus: "M12 5v14M5 12h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  checks: "M2 12.5l4.5 4.5L15 8M11 16.5l.5.5L21 8",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2",
  reply: "M10 6l-6 6 6 6M4.5 12H14c4 0 6 2 6 6",
  edit: "M4 20h4L19 9l-4-4L4 16v4zM13.5 6.5l4 4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  dots: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  clip: "M19 11.5l-7.2 7.2a4.6 4.6 0 0 1-6.5-6.5l7.6-7.6a3 3 0 0 1 4.3 4.3l-7.5 7.5a1.5 1.5 0 0 1-2.1-2.1l6.7-6.7",
  keyboard: "M3 6.5h18v11H3zM7 10v.01M10.3 10v.01M13.6 10v.01M17 10v.01M8 14h8",
  photo: "M4 5h16v14H4zM4 16l4.5-4.5 4 4L15 13l5 4M15.5 9v.01",
  mic: "M12 3.5a2.5 2.5 0 0 1 2.5 2.5v5a2.5 2.5 0 0 1-5 0V6A2.5 2.5 0 0 1 12 3.5zM6 11a6 6 0 0 0 12 0M12 17v3.5",
  sticker: "M12 3.5h5A3.5 3.5 0 0 1 20.5 7v5c0 1-8.5 8.5-9 8.5H7A3.5 3.5 0 0 1 3.5 17V7A3.5 3.5 0 0 1 7 3.5zM11.5 20.5V15a3 3 0 0 1 3-3h6",
  file: "M6 3.5h8l4.5 4.5v12.5H6zM14 3.5V8h4.5",
  contact: "M12 12.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.8-3.5 3.8-5 7.5-5s6.700 1.5 7.5 5",
  "person-plus": "M10 12a3.8 3.8 0 1 0 0-7.600A3.8 3.8 0 0 0 10 12zM3 19.5c.7-3.200 3.400-4.700 7-4.700s6.300 1.5 7 4.700M19 7v6M16 10h6",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  split: "M3.5 5h17v14h-17zM12 5v14",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 3.5v17M12 7h5.5M12 11h8M12 15h7",
  block: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM6 6l12 12",
  external: "M8 16L17 7M9.5 7H17v7.5",
  window: "M4 5h16v14H4zM4 9h16",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13",
  refresh: "M19.5 8A8.300 8.300 0 0 0 4 10M4.5 4.5V10H10M4.5 16A8.300 8.300 0 0 0 20 14M19.5 19.5V14H14",
  table: "M3.5 5h17v14h-17zM3.5 10h17M3.5 14.5h17M9.5 5v14",
  spark: "M12 3.5l2 6.5 6.5 2-6.5 2-2 6.5-2-6.5-6.5-2 6.5-2z",
  bolt: "M13 3L5 13.5h6L10.5 21 19 10.5h-6.5z",
  chat: "M4 5h16v11.5h-9L6.5 20v-3.5H4z",
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  send: "M4 4.5l17 7.5L4 19.5l2.5-7.5zM6.5 12H14",
  search: "M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM16 16l4.5 4.5",
  warning: "M12 4L2.5 20h19zM12 10v5M12 17.5v.01",
  card: "M3 6h18v12H3zM3 10h18M6.5 14.5h4",
  mail: "M3.5 5.5h17v13h-17zM4 6.5l8 6.500 8-6.500",
  home: "M4 11l8-7 8 7M6 9.5V20h12V9.5",
};

/** An inline icon; it is decoration, so the control around it must carry the label. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}

/** Calls `work` once, `delay_ms` after the last of many calls. */
export function debounce(work, delay_ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, delay_ms);
  };
}

/** Calls `work` once before the next frame, however often it is asked; a hidden tab, which draws no frames, gets it soon. */
export function oncePerFrame(work) {
  let asked = false;
  const run = () => {
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.hidden) setTimeout(run, HIDDEN_FRAME_MS);
    else requestAnimationFrame(run);
  };
}

/** Repeats `work` while the page is visible; a hidden tab asks nothing. Failures are left to `work`. */
export function every(interval_ms, work) {
  const tick = async () => {
    if (!document.hidden) await work();
    setTimeout(tick, interval_ms);
  };
  tick();
}
