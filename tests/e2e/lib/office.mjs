// A day in an office: letters, moves, several areas, money followed both ways, a restart at noon.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signIn, visitor } from "./browser.mjs";

const withoutScripts = { javaScriptEnabled: false };

export function office(world) {
  const as = async (role, task, options = {}) => {
    const { page, context, complaints, close } = await visitor(world.browser, world.address, options.lang ?? "zh", {
      ...withoutScripts,
      ...options,
    });
    try {
      if (role) await signIn(page, role);
      const result = await task(page, context.request, context);
      const expected = options.expected ?? /$^/;
      assert.deepEqual(complaints.filter((line) => !expected.test(line)), []);
      return result;
    } finally {
      await close();
    }
  };

  /** Records something about a person, as the form sends it once its preview is confirmed. */
  const record = async (page, request, household, fields) => {
    await page.goto(`${household}/report?kind=${encodeURIComponent(fields.kind)}`);
    const hidden = (name) => page.locator(`form.wide input[name=${name}]`).getAttribute("value");
    const form = { csrf: await hidden("csrf"), id: await hidden("id"), source: "窗口材料", confirm: "yes", ...fields };
    const response = await request.post(`${household}/report`, { form });
    assert.equal(response.status(), 200, `${fields.kind}: ${await response.text()}`);
  };

  const covered = async (page, nth = 0) => {
    await page.goto("/lists/covered");
    return page.locator("main table tbody th a").nth(nth).getAttribute("href");
  };

  describe("an application to its end", () => {
    /** Somebody out of work: what is needed is recorded, the case walks to the approver. */
    const apply = (ownWill, nth) =>
      as("caseworker", async (page, request) => {
        const household = await covered(page, nth);
        const facts = { 失业日期: "2026-08-20", 失业保险缴费月数: "80", 失业登记: "true", 月度声明: "true",
          非本人意愿失业: ownWill ? "false" : "true" };
        await page.goto(household);
        const form = await page.locator("a[href*='/apply/unemployment-benefit']").getAttribute("href");
        await page.goto(form);
        const person = await page.locator("#person option").nth(1).getAttribute("value");
        await page.selectOption("#person", person);
        await page.click("form.form button");
        await page.waitForURL(/\/cases\//);
        const path = new URL(page.url()).pathname;
        for (const [kind, value] of Object.entries(facts)) {
          await record(page, request, household, { kind, person, value, valid_from: "2026-09-01" });
        }
        for (let step = 0; step < 2; step++) {
          await page.goto(path);
          await page.locator("button[name=act][value=done]").click();
          await page.waitForSelector(".flash.good");
        }
        // Whose turn it is now stands there for those who wait.
        assert.match(await page.locator("main").innerText(), /现在轮到/);
        return path;
      });

    /** The approver decides; gives the letter's text as it is printed. */
    const decide = (path, act, note) =>
      as("approver", async (page) => {
        await page.goto(path);
        if (note) await page.fill("#note", note);
        await page.locator(`button[name=act][value=${act}]`).click();
        await page.waitForSelector("form.confirm");
        await page.locator("form.confirm button").click();
        await page.waitForURL((url) => url.pathname === path);
        assert.equal(await page.locator(".flash.good").count(), 1, await page.locator(".flash").innerText());
        assert.equal(await page.locator("button[name=act]").count(), 0, "a closed case offers acts");
        await page.locator("a[href*='/letters/']").first().click();
        await page.waitForURL(/\/letters\//);
        await page.emulateMedia({ media: "print" });
        assert.ok(!(await page.locator(".top").isVisible()), "the letter is printed with the site around it");
        return page.locator(".paper").innerText();
      });

    test("who is entitled is granted, and the letter says so", async () => {
      const path = await apply(false, 0);
      const letter = await decide(path, "grant", "");
      assert.match(letter, /批准通知书/);
      assert.match(letter, /\d\d\d\d-\d\d-\d\d/);
    });

    test("who left work of their own will is refused, and the letter names ground and time to object", async () => {
      const path = await apply(true, 1);
      const letter = await decide(path, "refuse", "本人提出解除合同，已核实");
      assert.match(letter, /不予批准通知书/);
      assert.match(letter, /因本人意愿中断就业/);
      assert.match(letter, /\d\d\d\d-\d\d-\d\d/);
    });
  });

  describe("several areas", () => {
    test("an account is made by a command; its areas are switched, searched together, and no other is seen", async () => {
      const districts = await as("approver", async (page) => {
        await page.goto("/");
        const rows = page.locator("main table").last().locator("tbody tr");
        const links = await rows.locator("th a").evaluateAll((nodes) => nodes.map((n) => new URL(n.href).searchParams.get("area")));
        return links.slice(0, 3);
      });
      const [first, second, third] = districts;
      const told = await world.told("two streets 1\n", "staff", "put", "lin", "--role", "caseworker", "--area", first,
        "--area", second, "--display", "林静 · Lin Jing", "--pass-phrase");
      assert.match(told.stdout, /lin may sign in as caseworker/);
      await as("", async (page, request) => {
        await page.goto("/signin");
        await page.fill("#name", "lin");
        await page.fill("#password", "two streets 1");
        await page.click("form[action='/signin'] button");
        await page.waitForSelector("form[action='/signout']");
        const shown = () => page.locator("main h1").first().innerText();
        const here = await shown();
        await page.locator("details.areas summary").click();
        await page.locator(`details.areas button[value="${second}"]`).click();
        await page.waitForLoadState();
        assert.notEqual(await shown(), here, "the other street's figures are not shown");
        const household = await covered(page);
        await page.locator("details.areas summary").click();
        await page.locator(`details.areas button[value="${first}"]`).click();
        await page.waitForLoadState();
        // A household of the street not looked at is theirs all the same; a third street is not.
        assert.equal((await request.get(household)).status(), 200);
        assert.equal((await request.get(`/?area=${third}`)).status(), 404);
      });
      await world.minsheng("staff", "close", "lin");
      await as("", async (page) => {
        await page.goto("/signin");
        await page.fill("#name", "lin");
        await page.fill("#password", "two streets 1");
        await page.click("form[action='/signin'] button");
        await page.waitForSelector("[role=alert]");
      }, { expected: /status of 401/ });
    });
  });

  describe("a move", () => {
    test("to another street takes the household along, and the new street finds it", async () => {
      const moved = await as("caseworker", async (page, request) => {
        const household = await covered(page);
        await page.goto(household);
        const head = (await page.locator("#members tbody th").first().innerText()).trim();
        await page.goto(`${household}/report?kind=${encodeURIComponent("register:address")}`);
        const groups = page.locator("#area optgroup");
        const target = await groups.last().locator("option").first().getAttribute("value");
        await page.selectOption("#area", target);
        await page.fill("#address", "新华街 1 号楼 301");
        await page.fill("#source", "居民申报");
        await page.click("form.wide button");
        await page.waitForSelector("form.confirm");
        assert.match(await page.locator("main").innerText(), /您将看不到这户/);
        await page.locator("form.confirm button:not([value])").click();
        await page.waitForSelector(".flash.good");
        assert.equal(new URL(page.url()).pathname, "/households");
        assert.equal((await request.get(household)).status(), 404, "it is still in the old street");
        return { household, head };
      });
      await as("approver", async (page) => {
        await page.goto(moved.household);
        assert.match(await page.locator("main").innerText(), /新华街 1 号楼 301/);
        await page.goto(`/households?q=${encodeURIComponent(moved.head)}`);
        assert.equal(await page.locator(`main table a[href="${moved.household}"]`).count(), 1, "not found by name");
      });
      await as("auditor", async (page) => {
        await page.goto("/audit/journal");
        assert.match(await page.locator("main table tbody").innerText(), /住址变动/);
      });
    });

    test("to nowhere, or to where it lives already, is not recorded", () =>
      as("caseworker", async (page) => {
        const household = await covered(page);
        await page.goto(`${household}/report?kind=${encodeURIComponent("register:address")}`);
        const [, area, address] = /现住\s*(.+?)，(.+)/.exec(await page.locator("form.wide").innerText());
        await page.selectOption("#area", { label: area });
        await page.fill("#address", address.trim());
        await page.fill("#source", "居民申报");
        await page.click("form.wide button");
        await page.waitForSelector("[role=alert]");
        assert.equal(await page.inputValue("#address"), address.trim());
      }, { expected: /status of 422/ }));
  });

  describe("a file of evidence", () => {
    const send = async (page, name, text) => {
      await page.goto("/import");
      await page.setInputFiles("#file", { name, mimeType: "text/csv", buffer: Buffer.from(text) });
      await page.click("main form[action='/import'] button");
      await page.waitForLoadState();
    };
    const head = "户编号;起始日期;金融资产（元）;来源\n";

    test("is checked, its mistakes are told row by row, and the mended one is recorded once", async () => {
      const foreign = await as("approver", async (page) => (await covered(page, 0)).split("/").at(-1));
      const others = await as("approver", async (page, request) =>
        (await (await request.get("/lists/covered?format=csv")).text()).split("\n").slice(1).map((line) => line.split(",")[0]));
      await as("caseworker", async (page, request) => {
        const csv = await (await request.get("/lists/covered?format=csv")).text();
        const own = csv.split("\n").slice(1).map((line) => line.split(",")[0]).filter(Boolean);
        const elsewhere = [foreign, ...others].find((id) => id && !own.includes(id));
        const good = `${own[0]};2026年11月1日;1,200.50元;存折\n${own[1]};2026/11/1;900;存折\n`;
        await send(page, "财产.csv", `财产登记表;;;\n${head}${good}${own[1]};26-11-1;900;存折\n${elsewhere};2026-11-01;5;存折\n${own[0]};2026-11-01;许多;存折\n;;;\n合计;;2100;\n`);
        const told = await page.locator("main table tbody tr").allInnerTexts();
        assert.equal(told.length, 3, told.join("\n"));
        assert.ok(told.some((row) => /年份只有两位/.test(row)) && told.some((row) => /不是金额/.test(row)));
        assert.ok(told.some((row) => /没有这个家庭/.test(row)), "a household of another street is known here");
        const wrong = await request.get(await page.locator("a[href$='/wrong']").getAttribute("href"));
        assert.match(await wrong.text(), /年份只有两位/);
        const pieces = async () => (await (await request.get(`/households/${own[0]}?format=csv`)).text()).split("1200.5").length - 1;
        assert.equal(await pieces(), 0, "checking recorded something");
        for (let time = 0; time < 2; time++) {
          await send(page, "good.csv", head + good);
          await page.locator("form.confirm button[value=all]").click();
          await page.waitForSelector(".flash.good");
        }
        assert.equal(await pieces(), 1);
      });
    });

    test("what is no table is called by its name", () =>
      as("caseworker", async (page) => {
        for (const [bytes, said] of [["\x89PNG\r\n\x1a\n", /图片/], ["", /没有一行有内容/], ["甲;乙\n1;2\n", /表头/], [head, /没有一行有内容/]]) {
          await page.goto("/import");
          await page.setInputFiles("#file", { name: "表.xlsx", mimeType: "text/csv", buffer: Buffer.from(bytes, bytes.startsWith("\x89") ? "latin1" : "utf8") });
          await page.click("main form[action='/import'] button");
          await page.waitForSelector("[role=alert]");
          assert.match(await page.locator("[role=alert]").innerText(), said);
        }
      }, { expected: /status of 422/ }));
  });

  describe("money, both ways", () => {
    test("an auditor goes from a determination to the bank's line and back", () =>
      as("auditor", async (page) => {
        const household = await covered(page);
        await page.goto(household);
        const payment = page.locator("#money tbody tr").first();
        const line = Number(await payment.locator("td.n").first().innerText());
        const sum = await payment.locator("td.n").nth(1).innerText();
        await payment.locator("th a").click();
        await page.waitForURL(/\/payments\//);
        const row = page.locator("main table tbody tr.here");
        assert.equal(Number(await row.locator("td.n").first().innerText()), line);
        assert.equal(await row.locator("td.n").nth(1).innerText(), sum);
        assert.equal(await row.locator("th a").getAttribute("href"), `${household}#money`);
        await row.locator("td.facts a").first().click();
        await page.waitForURL(/\/why\//);
        assert.ok(new URL(page.url()).pathname.startsWith(household));
      }));
  });

  describe("a restart", () => {
    test("signs nobody out, and a form that was open is sent", () =>
      as("caseworker", async (page) => {
        const household = await covered(page);
        await page.goto(`${household}/report?kind=${encodeURIComponent("工资")}`);
        await world.restart();
        await page.selectOption("#person", { index: 1 });
        await page.fill("#value", "25");
        await page.fill("#source", "工资条");
        await page.click("form.wide button");
        await page.waitForSelector("form.confirm");
      }));
  });

  describe("by keyboard and by ear", () => {
    test("the first stop is the way past the menu; every field and table has a name; one heading leads", () =>
      as("caseworker", async (page) => {
        const household = await covered(page);
        for (const path of ["/", "/tasks", "/households?q=王", household, `${household}/report?kind=${encodeURIComponent("工资")}`]) {
          await page.goto(path);
          await page.evaluate(() => document.activeElement?.blur());
          await page.keyboard.press("Tab");
          if (!path.startsWith("/households?")) {
            assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("href")), "#main", path);
            await page.keyboard.press("Enter");
            assert.equal(await page.evaluate(() => document.activeElement?.id), "main", path);
          }
          assert.equal(await page.locator("main h1").count(), 1, path);
          const nameless = await page.locator("main :is(input:not([type=hidden]), select, textarea)").evaluateAll((nodes) =>
            nodes.filter((n) => !n.labels?.length && !n.getAttribute("aria-label")).map((n) => n.outerHTML));
          assert.deepEqual(nameless, [], path);
        }
      }));
  });

  describe("what goes wrong", () => {
    test("a page that is not there, or not for this role, says what to do and leads back", () =>
      as("caseworker", async (page) => {
        for (const [path, status] of [["/nowhere", 404], ["/households/00000000-0000-0000-0000-000000000000", 404], ["/audit", 403]]) {
          const response = await page.goto(path);
          assert.equal(response.status(), status, path);
          assert.ok((await page.locator("main p").allInnerTexts()).some((text) => text.length > 8), path);
          assert.equal(await page.locator("main a.button").first().getAttribute("href"), "/");
        }
      }, { expected: /status of (403|404)/ }));
  });

  describe("after all that", () => {
    test("verify finds nothing", async () => {
      const printed = await world.minsheng("verify");
      assert.match(printed, /: 0 findings\s*$/);
    });
  });
}
