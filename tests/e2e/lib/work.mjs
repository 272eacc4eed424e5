// The work of each role, as they would do it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signIn, visitor } from "./browser.mjs";

/** Amounts as the pages write them, in fen. */
const fen = (text) => Math.round(Number(text.replaceAll(",", "").replace("−", "-").trim()) * 100);

export function work(world) {
  /** Runs a task as one who is signed in; every task ends with an empty console. */
  const as = async (role, task, options = {}) => {
    const { page, context, complaints, close } = await visitor(world.browser, world.address, options.lang ?? "zh", options);
    try {
      await signIn(page, role);
      const result = await task(page, context.request);
      const expected = options.expected ?? /$^/;
      assert.deepEqual(complaints.filter((line) => !expected.test(line)), []);
      return result;
    } finally {
      await close();
    }
  };
  const withoutScripts = { javaScriptEnabled: false };
  /** A page that must not be seen answers 404, which the browser reports in its console. */
  const refusedPages = { expected: /status of (403|404)/ };

  /** Households of a list, as `{ href, members, outcome }`. */
  const listed = async (page, path) => {
    await page.goto(path);
    const rows = page.locator("main table tbody tr");
    const all = [];
    for (const row of await rows.all()) {
      all.push({
        href: await row.locator("th a").getAttribute("href"),
        members: Number(await row.locator("td.n").first().innerText()),
      });
    }
    return all;
  };

  /** Fills in a change as far as its preview. */
  const preview = async (page, household, kind, fill) => {
    await page.goto(`${household}/report?kind=${encodeURIComponent(kind)}`);
    await fill();
    await page.fill("#source", "银行流水");
    await page.click("form.wide button");
    await page.waitForSelector("form.confirm");
  };

  describe("signing in and out", () => {
    test("a wrong pass phrase is told, the right one opens, signing out closes", async () => {
      const { page, complaints, close } = await visitor(world.browser, world.address, "en", withoutScripts);
      try {
        await page.goto("/households");
        assert.match(page.url(), /\/signin\?next=/);
        await page.fill("#name", "caseworker");
        await page.fill("#password", "not it");
        await page.click("form[action='/signin'] button");
        await page.waitForSelector("[role=alert]");
        await page.fill("#password", "demo");
        await page.click("form[action='/signin'] button");
        await page.waitForURL(/\/households$/);
        await page.click("form[action='/signout'] button");
        await page.waitForURL(/\/signin$/);
        await page.goto("/tasks");
        assert.match(page.url(), /\/signin\?next=/);
        assert.deepEqual(complaints.filter((line) => !line.includes("401")), []);
      } finally {
        await close();
      }
    });

    test("one click on a demo account opens it", async () => {
      const { page, close } = await visitor(world.browser, world.address, "en", withoutScripts);
      try {
        await page.goto("/signin");
        await page.click("form[action='/signin/demo']:has(input[value=auditor]) button");
        await page.waitForSelector("form[action='/signout']");
        assert.match(await page.locator(".who .me").innerText(), /Audit/);
      } finally {
        await close();
      }
    });
  });

  describe("a caseworker, without scripts", () => {
    test("finds a household that is paid, and sees why, with article and figures", () =>
      as("caseworker", async (page) => {
        const [first] = await listed(page, "/lists/covered");
        assert.ok(first, "nobody is covered in the caseworker's street");
        await page.goto(first.href);
        const head = (await page.locator("nav.crumbs [aria-current]").innerText()).trim();

        await page.goto("/households");
        await page.fill("#q", head);
        await page.click("form[role=search] button");
        await page.locator(`main table a[href="${first.href}"]`).click();
        await page.waitForURL((url) => url.pathname === first.href);

        const month = page.locator("#determinations tbody tr", { has: page.locator(".badge.entitled") }).first();
        const owed = fen(await month.locator("td.n").nth(0).innerText());
        const paid = fen(await month.locator("td.n").nth(1).innerText());
        assert.ok(owed > 0 && paid >= 0, `owed ${owed}, paid ${paid}`);
        await month.locator("th a").click();
        await page.waitForURL(/\/why\//);
        const verdict = await page.locator(".verdict").innerText();
        assert.equal(fen(/[\d,]+\.\d\d/.exec(verdict)[0]), owed, "why explains another amount");
        const grounds = await page.locator("ol.grounds li").allInnerTexts();
        assert.ok(grounds.length >= 3, grounds.join("\n"));
        for (const ground of grounds) assert.match(ground, /第.+条|[一二三四五六七八九十]/u, `no article: ${ground}`);
        assert.ok(grounds.some((ground) => /\d+ 元/.test(ground)), "no figures");
        const parts = await page.locator("section dl.ledger dd").allInnerTexts();
        const sum = parts.map((part) => Math.round(parseFloat(part.replaceAll(",", "")) * 100)).reduce((a, b) => a + b, 0);
        assert.equal(sum, owed, `the parts ${parts} do not add up`);
        const law = await page.locator("ol.grounds a.cite").first().getAttribute("href");
        await page.goto(law);
        const article = decodeURIComponent(law.split("#")[1]);
        assert.equal(await page.locator(`section[id="${article}"]`).count(), 1, `${law} leads nowhere`);
      }, withoutScripts));

    test("reports a late wage: the preview shows month and difference, recording makes a new version", () =>
      as("caseworker", async (page) => {
        const covered = await listed(page, "/lists/covered");
        const household = covered[0].href;
        await page.goto(household);
        const before = await page.locator("#timeline tbody tr").count();
        await preview(page, household, "工资", async () => {
          await page.selectOption("#person", { index: 1 });
          await page.fill("#value", "600");
          await page.fill("#valid_from", "2026-09-01");
        });
        const rows = page.locator("main table tbody tr");
        const texts = await rows.allInnerTexts();
        assert.ok(texts.length > 0, "the preview shows no month");
        assert.ok(texts.every((text) => !text.includes("2026年8月")), `a month before the wage: ${texts}`);
        const differences = (await rows.locator("td:nth-of-type(4)").allInnerTexts()).map(fen);
        assert.ok(differences.some((d) => d < 0), `no difference in ${texts}`);
        await page.locator("form.confirm button:not([value])").click();
        await page.waitForSelector(".flash.good");
        await page.goto(household);
        assert.ok((await page.locator("#timeline tbody tr").count()) > before, "the wage is not on the time line");
        const changed = page.locator("#determinations details", { has: page.locator("summary", { hasText: "2" }) }).first();
        await changed.waitFor({ state: "attached" });
        const earlier = await changed.locator("li a").first().getAttribute("href");
        await page.goto(earlier);
        assert.match(await page.locator("main dl.pairs").innerText(), /1 \/ 2/);
      }, withoutScripts));

    test("sending the same record twice records it once", () =>
      as("caseworker", async (page, request) => {
        const household = (await listed(page, "/lists/covered"))[1].href;
        await preview(page, household, "工资", async () => {
          await page.selectOption("#person", { index: 1 });
          await page.fill("#value", "10");
          await page.fill("#valid_from", "2026-09-01");
        });
        const form = {};
        for (const input of await page.locator("form.confirm input[type=hidden]").all()) {
          form[await input.getAttribute("name")] = await input.getAttribute("value");
        }
        const facts = async () => (await (await request.get(household)).text()).split("银行流水").length - 1;
        const none = await facts();
        for (let time = 0; time < 2; time++) {
          const response = await request.post(`${household}/report`, { form });
          assert.equal(response.status(), 200);
        }
        assert.equal(await facts(), none + 1);
      }, withoutScripts));

    test("reports a death two months late", () =>
      as("caseworker", async (page) => {
        const covered = await listed(page, "/lists/covered");
        const household = covered.filter((row) => row.members > 1).at(-1).href;
        await preview(page, household, "register:death", async () => {
          await page.locator("#person option").last().waitFor({ state: "attached" });
          const members = await page.locator("#person option").count();
          await page.selectOption("#person", { index: members - 1 });
          await page.fill("#valid_from", "2026-08-20");
        });
        const texts = await page.locator("main table tbody tr").allInnerTexts();
        assert.ok(texts.some((text) => text.includes("2026年9月")), `the month after the death is not touched: ${texts}`);
        await page.locator("form.confirm button:not([value])").click();
        await page.waitForSelector(".flash.good");
        await page.goto(household);
        assert.ok((await page.locator("#members tr.gone").count()) >= 1, "nobody is marked as gone");
      }, withoutScripts));

    test("a value that is no number is refused with its reason, and what was typed stays", () =>
      as("caseworker", async (page) => {
        const household = (await listed(page, "/lists/covered"))[0].href;
        await page.goto(`${household}/report?kind=${encodeURIComponent("工资")}`);
        await page.selectOption("#person", { index: 1 });
        await page.fill("#value", "许多");
        await page.fill("#source", "本人陈述");
        await page.click("form.wide button");
        await page.waitForSelector("[role=alert]");
        assert.equal(await page.inputValue("#value"), "许多");
        assert.equal(await page.inputValue("#source"), "本人陈述");
      }, { ...withoutScripts, expected: /status of 422/ }));
  });

  describe("another street", () => {
    test("is not there for a caseworker: households, reasons, lists, exports and counts", async () => {
      const everywhere = await as("approver", (page) => listed(page, "/lists/covered"));
      await as("caseworker", async (page, request) => {
        const own = new Set((await listed(page, "/lists/covered")).map((row) => row.href));
        const others = everywhere.filter((row) => !own.has(row.href));
        assert.ok(own.size > 0 && others.length > 0, "the district is too small for this test");
        const foreign = others[0].href;
        for (const path of [foreign, `${foreign}/why/mla/2026-09`, `${foreign}/report`, `${foreign}/apply/mla-edge`]) {
          assert.equal((await request.get(path)).status(), 404, path);
        }
        const csv = await (await request.get("/lists/covered?format=csv")).text();
        assert.ok(!csv.includes(foreign.split("/").at(-1)), "an export holds another street");
        // Asking for the district by its code gives no more than the own street.
        for (const area of ["140203", "140203999"]) {
          const asked = await request.get(`/?area=${area}`);
          const text = await asked.text();
          assert.ok([200, 403, 404].includes(asked.status()));
          if (asked.status() === 200) {
            await page.goto(`/?area=${area}`);
            const covered = Number(await page.locator(".figure b").first().innerText());
            assert.ok(covered <= own.size, `${covered} covered, ${own.size} of them own: ${text.length}`);
          }
        }
      }, refusedPages);
    });

    test("an analyst sees counts and no person's file", async () => {
      const [row] = await as("auditor", (page) => listed(page, "/lists/covered"));
      await as("analyst", async (page, request) => {
        await page.goto("/");
        assert.ok(Number((await page.locator(".figure b").first().innerText()).replaceAll(",", "")) > 0);
        for (const path of [row.href, "/households?q=王", "/lists/covered", "/payments", "/audit"]) {
          assert.equal((await request.get(path)).status(), 403, path);
        }
      });
    });
  });

  describe("an application", () => {
    const act = async (page, name) => {
      await page.locator(`button[name=act][value=${name}]`).click();
      await page.waitForLoadState();
    };

    test("walks its steps by the right roles, and who worked on it does not decide", async () => {
      const path = await as("caseworker", async (page) => {
        const [household] = await listed(page, "/lists/covered");
        await page.goto(household.href);
        const form = await page.locator("a[href*='/apply/unemployment-benefit']").getAttribute("href");
        await page.goto(form);
        if (await page.locator("#person").count()) await page.selectOption("#person", { index: 1 });
        await page.fill("#note", "窗口受理");
        await page.click("form.form button");
        await page.waitForURL(/\/cases\//);
        const path = new URL(page.url()).pathname;
        await act(page, "done");
        await page.waitForSelector(".flash.good");
        await act(page, "done");
        await page.waitForSelector(".flash.good");
        // The last step is the approver's: no button for whoever did the first ones.
        assert.equal(await page.locator("button[value=grant]:not([disabled]), button[value=refuse]:not([disabled])").count(), 0);
        return path;
      }, withoutScripts);
      await as("approver", async (page) => {
        await page.goto("/tasks?due=");
        await page.locator(`a[href="${path}"]`).first().click();
        // Nothing is known of this person's work: that is no ground to refuse, nor to grant.
        assert.equal(await page.locator("button[value=grant]:not([disabled])").count(), 0);
        assert.match(await page.locator(".act-off").first().innerText(), /证据/);
      }, withoutScripts);
      await as("caseworker", async (page, request) => {
        // The button is not there, and the form sent by hand decides nothing either.
        await page.goto(path);
        const csrf = await page.locator("input[name=csrf]").first().getAttribute("value");
        const form = { csrf, act: "grant", event: crypto.randomUUID(), confirm: "yes", note: "" };
        await request.post(`${path}/act`, { form });
        await page.goto(path);
        assert.equal(await page.locator(".badge.case-open").count(), 1);
        await act(page, "withdraw");
        await page.locator("form.confirm button").click();
        await page.waitForURL((url) => url.pathname === path);
        assert.equal(await page.locator("button[name=act]").count(), 0, "a closed case offers acts");
      });
    });

    test("a public notice runs its days before anybody goes on", async () => {
      const path = await as("community", async (page) => {
        for (const surname of "王李张刘陈杨赵黄周吴") {
          for (const row of await listed(page, `/households?q=${surname}`)) {
            await page.goto(row.href);
            const apply = page.locator("a[href*='/apply/mla-edge']");
            if ((await apply.count()) === 0) continue;
            await page.goto(await apply.getAttribute("href"));
            await page.click("form.form button");
            await page.waitForURL(/\/cases\//);
            return new URL(page.url()).pathname;
          }
        }
        return assert.fail("no household of the community can apply");
      }, withoutScripts);
      const done = (page) => page.goto(path).then(() => act(page, "done")).then(() => page.waitForSelector(".flash.good"));
      await as("caseworker", done, withoutScripts);
      await as("community", done, withoutScripts);
      await as("caseworker", done, withoutScripts);
      await as("community", async (page) => {
        await page.goto(path);
        assert.equal(await page.locator("button[value=done]:not([disabled])").count(), 0, "the notice has only begun");
        assert.match(await page.locator(".act-off").first().innerText(), /20\d\d/);
        await page.goto("/public/notice");
        assert.ok((await page.locator("main table tbody tr").count()) >= 1, "the notice is not on the board");
      }, withoutScripts);
    });
  });

  describe("money", () => {
    test("finance sees batches that agree with their lines, and downloads pain.001", () =>
      as("finance", async (page, request) => {
        await page.goto("/payments");
        const batch = page.locator("section").last().locator("tbody tr").first();
        const total = fen(await batch.locator("td.n").nth(1).innerText());
        const lines = Number(await batch.locator("td.n").nth(0).innerText());
        const href = await batch.locator("a[href$='/pain001']").getAttribute("href");
        const response = await request.get(href);
        assert.equal(response.status(), 200);
        const xml = await response.text();
        assert.match(xml, /urn:iso:std:iso:20022:tech:xsd:pain\.001/);
        const amounts = [...xml.matchAll(/<InstdAmt Ccy="CNY">([\d.]+)</g)].map((match) => fen(match[1]));
        assert.equal(amounts.length, lines);
        assert.equal(amounts.reduce((a, b) => a + b, 0), total);
        assert.match(xml, new RegExp(`<CtrlSum>${(total / 100).toFixed(2)}<`));
        await page.goto(href.replace(/\/pain001$/, ""));
        assert.ok((await page.locator("main table tbody tr").count()) > 0);
      }));

    test("finance instructs twice, and nothing is in two batches", () =>
      as("finance", async (page) => {
        const batches = async () => {
          await page.goto("/payments");
          return page.locator("section").last().locator("tbody tr").count();
        };
        // The month after the demo's is determined and not paid: something waits.
        await world.minsheng("determine", "--programme", "mla", "--month", "2026-10", "--all");
        const before = await batches();
        const href = await page.locator("a[href^='/payments/instruct']").first().getAttribute("href");
        const instruct = async () => {
          await page.goto(href);
          const button = page.locator("form.confirm button:not([disabled])");
          if (await button.count()) {
            await button.click();
            await page.waitForSelector(".flash");
          }
          return batches();
        };
        const once = await instruct();
        assert.equal(once, before + 1, "no batch was made");
        assert.equal(await instruct(), once);
      }));

    test("an approver sees the batches and can't instruct", () =>
      as("approver", async (page, request) => {
        await page.goto("/payments");
        assert.equal(await page.locator("a[href^='/payments/instruct']").count(), 0);
        assert.equal((await request.get("/payments/instruct?programme=mla&month=2026-09")).status(), 403);
      }));
  });

  describe("an auditor", () => {
    test("replays a month as it was known then, and reads why it differs now", () =>
      as("auditor", async (page) => {
        await page.goto("/audit/journal");
        assert.ok((await page.locator("main table tbody tr").count()) > 10);
        // The household whose wage was reported late has two versions.
        let changed;
        for (const row of await listed(page, "/lists/covered")) {
          await page.goto(row.href);
          const late = page.locator("#determinations tbody tr", { has: page.locator("details summary") }).first();
          if (await late.count()) {
            changed = await late.locator("th a").getAttribute("href");
            break;
          }
        }
        assert.ok(changed, "no month with two versions");
        await page.goto(changed);
        await page.goto(await page.locator("a[href^='/audit?']").getAttribute("href"));
        await page.fill("input[name=known]", "2026-10-15");
        await page.click("form.filters button");
        await page.waitForSelector(".flash.good");
        assert.equal(await page.locator(".cols section .verdict, .cols section .badge").count() >= 2, true);
      }));
  });

  describe("the law", () => {
    test("is everybody's to read; a figure that nobody confirmed says so", async () => {
      const { page, complaints, close } = await visitor(world.browser, world.address, "zh", withoutScripts);
      try {
        await page.goto("/law/parameters");
        assert.ok((await page.locator(".law-unverified").count()) > 0);
        assert.ok((await page.locator(".law-confirmed").count()) > 0);
        await page.goto("/law");
        assert.equal(await page.locator("main table .bad").count(), 0, "a worked example fails");
        await page.locator("main table a").first().click();
        assert.ok((await page.locator("section.article").count()) > 0);
        assert.deepEqual(complaints, []);
      } finally {
        await close();
      }
    });
  });
}
