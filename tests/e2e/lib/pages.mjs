// Every page, for every role that may see it, in both languages.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { barriers, overhang, signIn, untranslated, visitor } from "./browser.mjs";

export const ROLES = ["community", "caseworker", "approver", "finance", "auditor", "analyst"];

/** Pages of one kind differ only in what they are about; one of each is looked at. */
function kind(href) {
  const url = new URL(href, "http://x");
  return decodeURIComponent(url.pathname)
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")
    .replace(/\/why\/.*/, "/why")
    .replace(/\/apply\/.*/, "/apply")
    .replace(/^\/law\/(?!programmes|parameters|try).+/, "/law/INSTRUMENT") +
    (url.searchParams.has("kind") ? "?kind" : "") + (url.searchParams.has("version") ? "?version" : "");
}

const skipped = /^\/assets\/|^\/api|\/(pain001|xlsx)$/;

/** Follows links from the first page; gives one address a kind of page, and what went wrong. */
async function addresses(request, start) {
  const found = new Map();
  const wrong = [];
  const open = start.map((path) => new URL(path, "http://x"));
  while (open.length > 0) {
    const url = open.shift();
    const path = url.pathname + url.search;
    if (found.has(kind(path))) continue;
    found.set(kind(path), path);
    for (const lang of ["zh", "en"]) {
      const asked = new URL(url);
      asked.searchParams.set("lang", lang);
      const response = await request.get(asked.pathname + asked.search, { maxRedirects: 2 });
      const html = await response.text();
      if (response.status() !== 200) wrong.push(`${path} (${lang}): ${response.status()}`);
      for (const text of untranslated(html)) wrong.push(`${path} (${lang}): untranslated ${text}`);
      if (!html.includes(`<html lang="${lang === "zh" ? "zh-CN" : "en"}">`)) wrong.push(`${path}: not in ${lang}`);
      if (lang === "en") continue;
      for (const match of html.matchAll(/href="(\/[^"#]*)/g)) {
        const next = new URL(match[1].replaceAll("&amp;", "&").replaceAll("&#38;", "&"), "http://x");
        if (next.searchParams.has("lang") || next.searchParams.has("format") || skipped.test(next.pathname)) continue;
        if (!found.has(kind(next.pathname + next.search))) open.push(next);
      }
    }
  }
  return { found, wrong };
}

export function pages(world) {
  describe("every page", () => {
    /** Kinds of pages that the browser has looked at already, by language. */
    const looked = new Set();

    for (const role of ["", ...ROLES]) {
      test(`for ${role || "everybody"}: answers, speaks both languages, no barrier, no complaint, fits a phone`, async () => {
        const { page, context, complaints, close } = await visitor(world.browser, world.address);
        try {
          if (role) await signIn(page, role);
          const start = role
            ? ["/", "/tasks?whose=all", "/households?q=王", "/lists/covered", "/lists/owed-not-covered", "/law/try"]
            : ["/signin", "/public/notice", "/law", "/law/try", "/help"];
          const may = [];
          for (const path of start) {
            // An analyst sees counts and no person's file: that is no broken page.
            const status = (await context.request.get(path)).status();
            if (status === 403 && role === "analyst") continue;
            may.push(path);
          }
          const { found, wrong } = await addresses(context.request, may);
          assert.deepEqual(wrong, []);
          assert.ok(found.size >= (role ? 8 : 5), `only ${[...found.keys()]}`);

          for (const [name, path] of found) {
            for (const lang of ["zh", "en"]) {
              if (looked.has(`${name} ${lang}`)) continue;
              looked.add(`${name} ${lang}`);
              const url = new URL(path, world.address);
              url.searchParams.set("lang", lang);
              // Chinese on a desk, English on a phone: barriers differ by width, words by language.
              await page.setViewportSize(lang === "zh" ? { width: 1280, height: 900 } : { width: 375, height: 700 });
              await page.goto(url.href);
              for (const barrier of await barriers(page)) wrong.push(`${path} (${lang}): ${barrier}`);
              await page.setViewportSize({ width: 375, height: 700 });
              const over = await overhang(page);
              if (over > 0) wrong.push(`${path} (${lang}): ${over} px wider than a phone`);
            }
          }
          assert.deepEqual([...wrong, ...complaints], []);
        } finally {
          await close();
        }
      });
    }
  });
}
