// Shows /api/openapi.json. Texts are set as text, never as markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Schemas refer to each other; deeper than this a name says more than its fields. */
const MAX_DEPTH = 4;

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

/** Text whose words in backticks are code. */
function prose(text) {
  return (text ?? "").split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function follow(document, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, key) => at?.[key], document);
}

/** A schema as the JSON it stands for, types in place of values. */
function sketch(api, schema, depth = 0) {
  if (!schema) return "any";
  const name = schema.$ref?.split("/").pop();
  if (name && depth >= MAX_DEPTH) return name;
  const known = follow(api, schema) ?? {};
  if (known.allOf) {
    const parts = known.allOf.map((part) => sketch(api, part, depth));
    return parts.every((part) => typeof part === "object") ? Object.assign({}, ...parts) : parts[0];
  }
  const choices = known.oneOf ?? known.anyOf;
  if (choices) {
    const shown = choices.filter((choice) => choice.type !== "null").map((choice) => sketch(api, choice, depth + 1));
    return shown.length === 1 ? shown[0] : { "one of": shown };
  }
  if (known.enum) return known.enum.join(" | ");
  const type = Array.isArray(known.type) ? known.type.filter((one) => one !== "null")[0] : known.type;
  if (type === "array") return [sketch(api, known.items, depth + 1)];
  if (type === "object" || known.properties) {
    const required = new Set(known.required ?? []);
    const fields = Object.entries(known.properties ?? {});
    return Object.fromEntries(fields.map(([field, inner]) => [required.has(field) ? field : `${field}?`, sketch(api, inner, depth + 1)]));
  }
  return known.format ? `${type} (${known.format})` : (type ?? "any");
}

function body(api, content, title) {
  const [mediaType, shown] = Object.entries(content ?? {})[0] ?? [];
  if (!mediaType) return [];
  const lines = shown.schema ? [element("pre", {}, JSON.stringify(sketch(api, shown.schema), null, 2))] : [];
  return [element("h4", {}, `${title} · ${mediaType}`), ...lines];
}

function operation(api, path, method, described) {
  const parameters = (described.parameters ?? []).map((raw) => {
    const parameter = follow(api, raw);
    const where = `${parameter.in}${parameter.required ? ", required" : ""}`;
    return element("tr", {}, element("td", {}, element("code", {}, parameter.name)), element("td", {}, where),
      element("td", {}, ...prose(parameter.description)));
  });
  const answers = Object.entries(described.responses ?? {}).map(([status, raw]) => {
    const answer = follow(api, raw) ?? {};
    const isProblem = Object.keys(answer.content ?? {})[0] === "application/problem+json";
    const details = isProblem ? [element("span", { class: "what" }, " · problem")] : body(api, answer.content, "body");
    return element("tr", {}, element("td", {}, element("code", {}, status)), element("td", {}, ...prose(answer.description), ...details));
  });
  return element("details", { id: described.operationId },
    element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), element("code", { class: "path" }, path),
      element("span", { class: "what" }, described.summary ?? "")),
    element("div", {},
      described.description ? element("p", {}, ...prose(described.description)) : undefined,
      ...(parameters.length ? [element("h4", {}, "Parameters"), element("table", {}, ...parameters)] : []),
      ...body(api, follow(api, described.requestBody)?.content, "Request"),
      element("h4", {}, "Answers"), element("table", {}, ...answers)));
}

function show(api, wanted) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const described = item[method];
      if (wanted && !`${method} ${path} ${JSON.stringify(described)}`.toLowerCase().includes(wanted)) continue;
      const tag = described.tags?.[0] ?? "other";
      groups.set(tag, [...(groups.get(tag) ?? []), operation(api, path, method, described)]);
    }
  }
  const sections = [...groups].map(([tag, operations]) => element("section", {}, element("h2", {}, tag), ...operations));
  const main = document.getElementById("operations");
  main.replaceChildren(...(sections.length ? sections : [element("p", {}, "Nothing fits.")]));
  document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

fetch("/api/openapi.json")
  .then((response) => response.json())
  .then((api) => {
    document.getElementById("title").textContent = `${api.info.title} ${api.info.version}`;
    document.getElementById("about").replaceChildren(...prose(api.info.description));
    const search = document.getElementById("search");
    search.addEventListener("input", () => show(api, search.value.trim().toLowerCase()));
    show(api, "");
  })
  .catch(() => {
    document.getElementById("operations").textContent = "The description could not be loaded.";
  });
