// Message html from the server, rebuilt node by node from a whitelist before it enters the page.

const PLAIN_TAGS = new Set(["B", "STRONG", "I", "EM", "U", "INS", "S", "STRIKE", "DEL", "CODE", "PRE", "BLOCKQUOTE", "BR"]);
const SAFE_ADDRESS = /^(https?:|mailto:|tel:|tg:)/i;
// A command stands alone or after white space, as Telegram itself recognises it.
const COMMAND = /(^|\s)(\/[a-z][a-z0-9_]{0,31})(?=$|[\s.,!?;:)])/gi;

/**
 * Turns server html into nodes.
 * `onCommand(text)` is called for a pressed "/command"; `onLink(url)` may return true to take a link over.
 */
export function richText(html, { onCommand, onLink }) {
  const parsed = new DOMParser().parseFromString(`<body>${html}`, "text/html");
  const fragment = document.createDocumentFragment();
  copyChildren(parsed.body, fragment, { onCommand, onLink, commands: Boolean(onCommand) });
  return fragment;
}

function copyChildren(from, to, options) {
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) copyText(child.data, to, options);
    else if (child.nodeType === Node.ELEMENT_NODE) copyElement(child, to, options);
  }
}

function copyText(text, to, options) {
  if (!options.commands) {
    to.append(text);
    return;
  }
  let done = 0;
  for (const match of text.matchAll(COMMAND)) {
    const start = match.index + match[1].length;
    to.append(text.slice(done, start));
    to.append(commandButton(match[2], options));
    done = start + match[2].length;
  }
  to.append(text.slice(done));
}

function commandButton(command, options) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "text-command";
  button.textContent = command;
  button.addEventListener("click", () => options.onCommand?.(command));
  return button;
}

function copyElement(source, to, options) {
  if (source.tagName === "A" && source.dataset.command) {
    to.append(commandButton(source.textContent, options));
  } else if (source.tagName === "A") {
    to.append(link(source, options));
  } else if (source.tagName === "TG-SPOILER" || source.classList.contains("spoiler") || source.classList.contains("tg-spoiler")) {
    to.append(spoiler(source, options));
  } else if (PLAIN_TAGS.has(source.tagName)) {
    const copy = document.createElement(source.tagName);
    const literal = source.tagName === "CODE" || source.tagName === "PRE";
    copyChildren(source, copy, { ...options, commands: options.commands && !literal });
    if (source.tagName === "BLOCKQUOTE" && (source.hasAttribute("expandable") || source.classList.contains("expandable"))) foldable(copy);
    to.append(copy);
  } else if (source.classList.contains("mention")) {
    const copy = document.createElement("span");
    copy.className = "mention";
    copyChildren(source, copy, options);
    to.append(copy);
  } else if (!["SCRIPT", "STYLE", "TEMPLATE", "IFRAME", "OBJECT"].includes(source.tagName.toUpperCase())) {
    copyChildren(source, to, options);
  }
}

function link(source, options) {
  const address = source.getAttribute("href") ?? "";
  const inner = { ...options, commands: false };
  const copy = document.createElement(SAFE_ADDRESS.test(address) ? "a" : "span");
  if (copy.tagName === "A") {
    copy.href = address;
    copy.target = "_blank";
    copy.rel = "noopener noreferrer";
    copy.addEventListener("click", (event) => {
      if (options.onLink?.(address)) event.preventDefault();
    });
  }
  copyChildren(source, copy, inner);
  return copy;
}

function spoiler(source, options) {
  const copy = document.createElement("span");
  copy.className = "spoiler";
  copy.tabIndex = 0;
  copy.setAttribute("role", "button");
  const reveal = () => {
    copy.classList.add("revealed");
    copy.removeAttribute("role");
    copy.removeAttribute("tabindex");
  };
  copy.addEventListener("click", reveal);
  copy.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      reveal();
    }
  });
  copyChildren(source, copy, options);
  return copy;
}

/** An expandable quotation shows three lines until it is pressed. */
function foldable(quote) {
  quote.className = "folded";
  quote.tabIndex = 0;
  quote.setAttribute("role", "button");
  quote.setAttribute("aria-expanded", "false");
  const toggle = () => quote.setAttribute("aria-expanded", String(!quote.classList.toggle("folded")));
  quote.addEventListener("click", toggle);
  quote.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      toggle();
    }
  });
}
