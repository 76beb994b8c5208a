// How a page looks: a picture for people, and what a picture can be checked for.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const SCREENS = path.join(process.env.E2E_SCREENS || path.join(tmpdir(), "voronka-e2e-screens"));

/** Keeps a picture of the page, whole where `fullPage`, and finds nothing on it wider than the screen. */
export async function look(page, name, { fullPage = false } = {}) {
  await mkdir(SCREENS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENS, `${name}.png`), fullPage, animations: "disabled" });
  const wide = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((node) => {
    const box = node.getBoundingClientRect();
    const isSeen = node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !node.closest(".visually-hidden");
    const style = getComputedStyle(node);
    const hasText = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
    const spills = hasText && style.overflowX === "visible" && style.display !== "inline" && node.scrollWidth > node.clientWidth + 1;
    const scrolls = node.closest(".scroll-x, .grid");
    return isSeen && !scrolls && box.width > 0 && (spills || box.right > innerWidth + 1 || box.left < -1);
  }).map((node) => `${node.tagName}.${node.className} ${node.textContent.slice(0, 40)}`));
  assert.deepEqual(wide, [], `${name}: these stand out of the screen`);
}

/** The least contrast of WCAG 2.2 AA between words and what stands behind them: 4.5, or 3 for large ones. */
export async function isReadable(page, name) {
  const faint = await page.evaluate(() => {
    // A colour on its way to another is nobody's choice.
    for (const one of document.getAnimations()) if (Number.isFinite(one.effect.getComputedTiming().endTime)) one.finish();
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)).reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
    /** The first opaque colour behind it; null over a picture, which nobody can tell. */
    const behind = (node) => {
      for (let one = node; one; one = one.parentElement) {
        const style = getComputedStyle(one);
        if (style.backgroundImage !== "none") return null;
        const color = rgba(style.backgroundColor);
        if (color[3] === 255) return color;
      }
      return [255, 255, 255, 255];
    };
    return [...document.querySelectorAll("body *")].flatMap((node) => {
      const words = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.textContent.trim()).join(" ").trim();
      if (!words || node.matches(":disabled, option, script, style, noscript") || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return [];
      const style = getComputedStyle(node);
      const background = behind(node);
      if (!background) return [];
      const [bright, dark] = [light(rgba(style.color)), light(background)].toSorted((a, b) => b - a);
      const ratio = (bright + 0.05) / (dark + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      return ratio < (isLarge ? 3 : 4.5) ? [`${ratio.toFixed(2)} ${words.slice(0, 40)}`] : [];
    });
  });
  assert.deepEqual(faint, [], `${name}: these words are too faint`);
}

const SIZES = [{ name: "narrow", width: 360, height: 780 }, { name: "wide", width: 1280, height: 900 }];

/**
 * Looks at what the page shows now on a narrow and a wide screen, in light and in dark; then it is as it was before.
 */
export async function lookAround(page, name) {
  const before = page.viewportSize();
  for (const { name: size, ...viewport } of SIZES) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await look(page, `${name}-${size}-${colorScheme}`, { fullPage: true });
      await isReadable(page, `${name}-${size}-${colorScheme}`);
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}
