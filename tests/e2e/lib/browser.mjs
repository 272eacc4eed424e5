// Chromium, and what every page must hold: status, words, accessibility, console, width.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Keys of the interface's words. One that stands alone on a page was not translated. */
const keys = new Set(
  readFileSync(new URL("../../../crates/app/locales/en.ftl", import.meta.url), "utf8")
    .split("\n")
    .map((line) => /^([a-z][a-z0-9-]*-[a-z0-9-]+) =/.exec(line)?.[1])
    .filter(Boolean),
);
/** `act` of `act-grant`: a made-up member of such a family is an untranslated key too. */
const families = new Set(
  ["act", "act-not", "act-means", "case", "case-state", "error", "event", "law", "list", "nav", "notice", "outcome",
    "outcome-means", "pay", "role", "role-does", "sex", "step", "tasks", "traffic", "term"],
);

/** One browser for all tests. */
export function open() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

/** A fresh visitor; `javaScriptEnabled: false` and `viewport` as Playwright takes them. */
export async function visitor(browser, address, lang = "zh", options = {}) {
  const locale = lang === "zh" ? "zh-CN" : "en";
  // Own scripts are allowed by the site's policy; the checker's script is not one of them.
  const context = await browser.newContext({ baseURL: address, locale, bypassCSP: true, ...options });
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${page.url()}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: script: ${error.message}`));
  return { context, page, complaints, close: () => context.close() };
}

/** Signs in by the form with name and pass phrase. */
export async function signIn(page, name) {
  await page.goto("/signin");
  await page.fill("#name", name);
  await page.fill("#password", "demo");
  await page.click("form[action='/signin'] button");
  await page.waitForSelector("form[action='/signout']");
}

/** Texts of a page that are keys and not words. */
export function untranslated(html) {
  const bare = html
    .replace(/<(script|style|pre|code|textarea)\b[\s\S]*?<\/\1>/g, " ")
    .replace(/<(\w+)[^>]*\bclass="[^"]*\bmono\b[^"]*"[^>]*>[^<]*<\/\1>/g, " ");
  const texts = [...bare.matchAll(/>([^<]+)</g), ...bare.matchAll(/(?:aria-label|placeholder|title|alt)="([^"]*)"/g)];
  return texts
    .map((match) => match[1].trim())
    .filter((text) => keys.has(text) || isOfFamily(text) || /\{\s*\$\w+\s*\}/.test(text));
}

function isOfFamily(text) {
  if (!/^[a-z]+(-[a-z0-9]+)+$/.test(text)) return false;
  return [...families].some((family) => text.startsWith(`${family}-`));
}

/** Serious and critical findings of axe on the page as it stands, one line each. */
export async function barriers(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }),
  );
  return result.violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => {
      const node = violation.nodes[0];
      return `${violation.id}: ${violation.help}: ${violation.nodes.length} × e.g. ${node.html.slice(0, 160)} ${node.failureSummary.replace(/\s+/g, " ").slice(0, 220)}`;
    });
}

/** How many pixels a page is wider than its window. */
export function overhang(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
