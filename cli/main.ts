import { Command } from "commander";
import { listDead, redriveDead } from "./dead.ts";
import { drain } from "./drain.ts";
import { load } from "./load.ts";
import { parsePort } from "./ports.ts";
import { fileOf, shownPath } from "./read-file.ts";
import { status } from "./status.ts";
import { createTerminal } from "./terminal.ts";
import { up, type UpOptions } from "./up.ts";
import { UserError } from "./user-error.ts";

const out = createTerminal();
const program = new Command("realtime").description("Runs a RealtimeCluster on this machine, and looks after it.");
process.stdout.on("error", () => {});

program
  .command("up", { isDefault: true })
  .description("run a cluster as processes; an edit of the file is applied while it runs")
  .argument("[file]", "the RealtimeCluster's file (default: the chat example)")
  .option("--port <port>", "clients' port; the API's is the next one (default: 3000)", parsePort)
  .option("--host <address>", "address that both bind to", "0.0.0.0")
  .action(async (file: string | undefined, options: UpOptions) => {
    process.exitCode = await up(file, options, out);
  });

program
  .command("validate")
  .description("check a file; every mistake is one line")
  .argument("[file]")
  .action(async (file: string | undefined) => {
    const { cluster } = await load(fileOf(file));
    out.line(`${shownPath(fileOf(file))}: ${cluster.name} is valid`);
  });

program
  .command("status")
  .description("processes, pools and conditions of a cluster that runs")
  .argument("[file]")
  .action((file: string | undefined) => status(file, out));

program
  .command("drain")
  .description("send a gateway's clients to the others; another gateway takes its place")
  .argument("<gateway>", "its name, as status shows it")
  .option("--file <file>", "the RealtimeCluster's file")
  .action((gateway: string, { file }: { file?: string }) => drain(gateway, file, out));

const dead = program.command("dead").description("jobs that were given up");
dead
  .command("list")
  .argument("<pool>")
  .option("--file <file>", "the RealtimeCluster's file")
  .action((pool: string, { file }: { file?: string }) => listDead(pool, file, out));
dead
  .command("redrive")
  .description("put dead letters back as first attempts")
  .argument("<pool>")
  .option("--file <file>", "the RealtimeCluster's file")
  .option("--ids <ids...>", "only these")
  .action((pool: string, options: { file?: string; ids?: string[] }) => redriveDead(pool, options, out));

try {
  await program.parseAsync();
} catch (error) {
  const lines = error instanceof UserError ? error.lines : [error instanceof Error ? error.message : String(error)];
  for (const line of lines) out.problem(line);
  process.exitCode = 1;
}
