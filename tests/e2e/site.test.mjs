// The site in a real browser, over a small district: what every page must hold, and each role's work.
// Run by `cargo xtask test`; alone: `npm install && MINSHENG=…/minsheng node --test`.

import { after, before } from "node:test";
import { open } from "./lib/browser.mjs";
import { district } from "./lib/district.mjs";
import { office } from "./lib/office.mjs";
import { pages } from "./lib/pages.mjs";
import { work } from "./lib/work.mjs";

/** Filled before the first test; the tests read it when they run. */
const world = {};

before(async () => {
  Object.assign(world, await district());
  world.browser = await open();
});

after(async () => {
  await world.browser?.close();
  await world.stop?.();
});

pages(world);
work(world);
office(world);
