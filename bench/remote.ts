import { randomUUID } from "node:crypto";
import { spawnNode, type NodeProcess } from "#testing";

/** A process of the bench that does what it is told over IPC. */
export interface Remote extends AsyncDisposable {
  call<T = number>(command: string, ...args: unknown[]): Promise<T>;
}

interface Answer {
  id: string;
  result?: unknown;
  error?: string;
}

export const startRemote = (file: string, env: Record<string, string> = {}): Remote => {
  const node: NodeProcess = spawnNode(file, env);
  const waiting = new Map<string, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  node.child.on("message", ({ id, result, error }: Answer) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(result as never);
    else call?.reject(new Error(error));
  });
  void node.exited.then((code) => {
    for (const { reject } of waiting.values())
      reject(new Error(`${file} exited with ${code}: ${node.lines.slice(-5).join("\n")}`));
  });
  return {
    call: (command, ...args) => {
      const answer = new Promise<never>((resolve, reject) => {
        const id = randomUUID();
        waiting.set(id, { resolve, reject });
        node.send({ id, command, args });
      });
      // Whoever awaits it sees the error; a call that is left behind at the end is no news.
      answer.catch(() => undefined);
      return answer;
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
};

/** The other side: answers each command with what its function gives. */
export const serveRemote = (commands: Record<string, (...args: never[]) => unknown>): void => {
  process.on("message", ({ id, command, args }: { id: string; command: string; args: never[] }) => {
    void (async () => commands[command]?.(...args))().then(
      (result) => process.send?.({ id, result }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
};

/** µs of CPU that this process has used. */
export const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
