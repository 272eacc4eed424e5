// A small district with its site: made in a temporary folder, served on a free port, ended by its own
// process id, also when a test fails.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The program under test; `cargo xtask test` says where it is. */
const program = () => resolve(process.env.MINSHENG ?? "../../target/debug/minsheng");

/** Makes the district and serves it; gives `{ address, data, minsheng, told, restart, stop }`. */
export async function district() {
  const data = mkdtempSync(join(tmpdir(), "minsheng-e2e-"));
  let server;
  const end = async () => {
    if (server && server.exitCode === null) {
      const ended = new Promise((done) => server.once("exit", done));
      server.kill("SIGINT");
      const hard = setTimeout(() => server.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(hard);
    }
  };
  const start = (port) =>
    spawn(program(), ["serve", "--data", data, "--port", port], { stdio: ["ignore", "pipe", "inherit"] });
  const stop = async () => {
    await end();
    rmSync(data, { recursive: true, force: true });
  };
  process.once("exit", () => server?.kill("SIGKILL"));
  try {
    const made = await run(program(), [
      "demo", "--data", data, "--households", "250", "--months", "2026-08..2026-09", "--seed", "5", "--no-serve",
    ]);
    server = start("0");
    const address = await firstAddress(server);
    /** Runs a command of the program on the same data and gives what it printed. */
    const minsheng = async (...words) => (await run(program(), [...words, "--data", data])).stdout;
    /** The same with something on its standard input. */
    const told = (input, ...words) => {
      const running = run(program(), [...words, "--data", data]);
      running.child.stdin.end(input);
      return running;
    };
    /** Ends the server and starts another at the same address. */
    const restart = async () => {
      await end();
      server = start(new URL(address).port);
      await firstAddress(server);
    };
    return { address, data, made: made.stdout, minsheng, told, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function firstAddress(server) {
  const lines = createInterface({ input: server.stdout });
  const ended = new Promise((_, fail) => {
    server.once("exit", (code) => fail(new Error(`the server ended with ${code} before it was ready`)));
  });
  // A test that fails before the server is awaited must not bring the process down.
  ended.catch(() => {});
  const found = new Promise((done) => {
    lines.on("line", (line) => {
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
      if (match) done(match[0]);
    });
  });
  return Promise.race([found, ended]);
}
