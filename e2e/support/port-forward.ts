import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Forward extends AsyncDisposable {
  /** On 127.0.0.1. */
  port: number;
  /** Whether kubectl still runs. */
  isOpen(): boolean;
}

/** Opens a local port that leads to a port of `pod/…` or `service/…`. Rejects with kubectl's words where it cannot. */
export const portForward = async (namespace: string, target: string, port: number | string): Promise<Forward> => {
  const child = spawn("kubectl", ["port-forward", "-n", namespace, target, `:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-2000)));
  const local = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, found] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`no port of ${target} in ${namespace}: ${errors.trim()}`)));
  });
  return {
    port: local,
    isOpen: () => child.exitCode === null && child.signalCode === null,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
};
