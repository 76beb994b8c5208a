// PDFs read back by an independent reader, poppler.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** "1   Ягодичный мост   3 × 12–15   ≈ 20 кг   60 сек   RPE 6": sets and repetitions or time, weight and rest, effort. */
const ROW = /^\s*\d+\s+\S.*?\s(\d+ × \d.*?)\s{2,}(\S.*?)\s{2,}(RPE \d\S*)\s*$/;

/** How wide poppler makes a gap between columns depends on what else is on the page. */
function numbersOf(line) {
  return ROW.exec(line)?.slice(1).map((part) => part.replace(/\s+/g, " ")).join(" · ");
}

/**
 * Title, number of pages, size in bytes, the text in reading order, the exercises' numbers row by row, and one PNG a page
 * (72 dpi) in memory.
 */
export async function readPdf(file) {
  const [info, text, layout] = await Promise.all([
    run("pdfinfo", [file]),
    run("pdftotext", ["-enc", "UTF-8", file, "-"]),
    run("pdftotext", ["-enc", "UTF-8", "-layout", file, "-"]),
  ]);
  const fact = (name) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(info.stdout)?.[1];
  return {
    title: fact("Title"),
    pages: Number(fact("Pages")),
    bytes: (await stat(file)).size,
    text: text.stdout,
    rows: layout.stdout.split("\n").map(numbersOf).filter(Boolean),
    pictures: await drawPages(file),
  };
}

/** Errors: poppler's own complaint, since a page that it can only half draw is not whole. */
export async function drawPages(file, { dpi = 72 } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "voronka-pages-"));
  try {
    const { stderr } = await run("pdftoppm", ["-png", "-r", String(dpi), file, path.join(folder, "page")]);
    if (stderr.trim()) throw new Error(`pdftoppm complains: ${stderr}`);
    const names = (await readdir(folder)).sort();
    return await Promise.all(names.map((name) => readFile(path.join(folder, name))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
