// CSV text to rows and back, keeping the file's own separator, line ends and byte order mark.

const SEPARATORS = [",", ";", "\t"];

/** Returns `{ rows: string[][], separator, newline, bom, closed }`; every row may have its own length. */
export function parseCsv(text) {
  const bom = text.startsWith("\uFEFF");
  const body = bom ? text.slice(1) : text;
  const firstLine = body.slice(0, body.search(/\r?\n|$/));
  const separator = SEPARATORS.reduce((best, one) => (firstLine.split(one).length > firstLine.split(best).length ? one : best));
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < body.length; at += 1) {
    const char = body[at];
    if (quoted) {
      if (char !== '"') cell += char;
      else if (body[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (char === '"' && cell === "") {
      quoted = true;
    } else if (char === separator) {
      row.push(cell);
      cell = "";
    } else if (char === "\n" || (char === "\r" && body[at + 1] === "\n")) {
      if (char === "\r") at += 1;
      row.push(cell);
      rows.push(row);
      row = [];
      cell = "";
    } else {
      cell += char;
    }
  }
  const closed = body.endsWith("\n");
  if (!closed || cell !== "" || row.length > 0) {
    row.push(cell);
    rows.push(row);
  }
  return { rows, separator, newline: body.includes("\r\n") ? "\r\n" : "\n", bom, closed };
}

/** The inverse of `parseCsv`; a cell is quoted only when it has to be. */
export function formatCsv({ rows, separator, newline, bom, closed }) {
  const quote = (cell) => (cell.includes(separator) || /["\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const text = rows.map((row) => row.map(quote).join(separator)).join(newline);
  return (bom ? "\uFEFF" : "") + text + (closed && rows.length > 0 ? newline : "");
}
