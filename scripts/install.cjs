// Runs before `npm start` and `npm test`, on whatever Node the machine has: installs what package-lock.json says, once.
const { existsSync, statSync } = require("node:fs");
const { join } = require("node:path");
const { spawnSync } = require("node:child_process");

const root = join(__dirname, "..");
const at = (...path) => join(root, ...path);
const changed = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);
const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

if (changed(at("node_modules", ".package-lock.json")) < changed(at("package-lock.json"))) {
  process.stdout.write("Installing dependencies (once) …\n");
  // Not `npm ci`: that wants the optional packages of every platform in the lock file, and npm install adds the machine's own.
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm === undefined ? ["npm"] : [process.execPath, npm];
  const { status } = spawnSync(
    command,
    [...args, "install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  if (status !== 0) fail("npm install failed: its message is above");
}

const node = at("node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
if (!(stdout ?? "").startsWith("v24."))
  fail(
    `Node 24 is needed and node_modules/.bin/node is ${(stdout ?? "").trim() || "missing"}: run npm install with install scripts allowed`,
  );
