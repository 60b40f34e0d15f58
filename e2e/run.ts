/**
 * `npm run e2e [smoke] [-- jest options]`: builds the images, creates a kind cluster, installs the operator with Helm, runs the suite,
 * prints what it measured, deletes the cluster. KUBECONFIG and E2E_IMAGE: that cluster and that image; README.md has the rest.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, type CommandOptions } from "./support/command.ts";
import { keepDiagnostics, testNamespaces } from "./support/diagnostics.ts";
import { tableOf } from "./support/figures.ts";
import { createCluster, deleteCluster, loadImages } from "./support/kind.ts";
import { installOperator, OPERATOR_NAMESPACE, uninstallOperator } from "./support/operator.ts";
import { ARTIFACTS, CHAT_IMAGE, IMAGE, ROOT, unique } from "./support/settings.ts";
import { missingTools } from "./support/tools.ts";

const [ours, theirs] = (() => {
  const args = process.argv.slice(2);
  const cut = args.indexOf("--");
  return cut < 0 ? [args, []] : [args.slice(0, cut), args.slice(cut + 1)];
})();
const isSmoke = ours.includes("smoke");
const isGiven = process.env["KUBECONFIG"] !== undefined;
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stopping.abort());

const say = (text: string) => process.stdout.write(`${text}\n`);
const shown = (program: string, args: readonly string[], options: CommandOptions = {}) =>
  run(program, args, { shown: true, timeoutMs: 3_600_000, signal: stopping.signal, ...options });

const giveUp = (message: string): never => {
  process.stderr.write(`e2e: ${message}\n`);
  process.exit(2);
};

const complaints = await missingTools(isGiven ? ["kubectl", "helm"] : ["docker", "kind", "kubectl", "helm"]);
if (complaints.length > 0) giveUp(complaints.join("\ne2e: "));
if (isGiven && process.env["E2E_IMAGE"] === undefined)
  giveUp(
    "KUBECONFIG is set: name the image that its nodes have or can pull in E2E_IMAGE, or unset it for a cluster of kind",
  );
const unknown = ours.filter((argument) => argument !== "smoke");
if (unknown.length > 0) giveUp(`${unknown.join(" ")} is nothing that I know; jest's options come after --`);

const build = async () => {
  const more = (process.env["E2E_BUILD_ARGS"] ?? "").split(" ").filter((part) => part !== "");
  await shown("docker", ["build", ...more, "-t", IMAGE, ROOT]);
  await shown("docker", ["build", "--build-arg", `REALTIME=${IMAGE}`, "-t", CHAT_IMAGE, join(ROOT, "examples/chat")]);
};

const home = await mkdtemp(join(tmpdir(), "realtime-e2e-"));
const figures = join(home, "figures");
await writeFile(figures, "");
const cleaning: { what: string; clean: () => Promise<void> }[] = [];

const suite = async (): Promise<void> => {
  if (process.env["E2E_IMAGE"] === undefined) await build();
  if (!isGiven) {
    const kubeconfig = join(home, "kubeconfig");
    cleaning.push({ what: "the cluster", clean: () => deleteCluster(kubeconfig) });
    await createCluster(kubeconfig, isSmoke ? 1 : 3, stopping.signal);
    process.env["KUBECONFIG"] = kubeconfig;
    await loadImages([IMAGE, CHAT_IMAGE], ["redis:8", "rabbitmq:4-management"]);
  }
  if (isGiven) {
    cleaning.push({ what: "the operator", clean: uninstallOperator });
    cleaning.push({ what: "what tests left", clean: removeNamespaces });
  }
  say("e2e: helm install realtime charts/realtime-operator");
  await installOperator();
  const options = ["--config", "e2e/jest.config.json", "--runInBand", "--verbose", ...theirs];
  await shown(process.execPath, ["node_modules/jest/bin/jest.js", ...options, ...(isSmoke ? ["e2e/smoke"] : [])], {
    env: {
      E2E_FIGURES: figures,
      NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
    },
  });
};

const removeNamespaces = async () => {
  const left = await testNamespaces();
  if (left.length > 0)
    await run("kubectl", ["delete", "namespace", ...left, "--ignore-not-found", "--timeout=150s"], {
      timeoutMs: 160_000,
    });
};

const start = Date.now();
process.env["E2E_RUN"] ??= unique("run");
process.chdir(ROOT);
await rm(ARTIFACTS, { recursive: true, force: true });
await mkdir(ARTIFACTS, { recursive: true });
let exitCode = 0;
try {
  await suite();
} catch (error) {
  exitCode = 1;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`e2e: ${stopping.signal.aborted ? "stopped" : message.slice(0, 2000)}\n`);
  if (process.env["KUBECONFIG"] !== undefined && !stopping.signal.aborted)
    await keepDiagnostics("at the end", await testNamespaces().catch(() => [])).then(
      (where) => say(`e2e: what ${OPERATOR_NAMESPACE} and its clusters were like is in ${where}`),
      () => {},
    );
} finally {
  for (const { what, clean } of cleaning.toReversed())
    await clean().catch((error: unknown) => {
      exitCode = 1;
      process.stderr.write(`e2e: ${what} could not be removed: ${String(error)}\n`);
    });
}
const table = tableOf(await readFile(figures, "utf8"));
await writeFile(join(ARTIFACTS, "figures.md"), `${table}\n`);
say(`\n${table}\n\ne2e: ${exitCode === 0 ? "passed" : "failed"} after ${Math.round((Date.now() - start) / 1000)} s`);
await rm(home, { recursive: true, force: true });
process.exit(exitCode);
