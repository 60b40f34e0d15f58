import { run } from "./command.ts";

const TOOLS = {
  docker: { probe: ["info"], from: "https://docs.docker.com/engine/install, and start its daemon" },
  kind: { probe: ["version"], from: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation" },
  kubectl: { probe: ["version", "--client"], from: "https://kubernetes.io/docs/tasks/tools" },
  helm: { probe: ["version"], from: "https://helm.sh/docs/intro/install" },
} as const;

/** A line for each of the programs that does not answer. */
export const missingTools = async (names: readonly (keyof typeof TOOLS)[]): Promise<string[]> => {
  const lines: string[] = [];
  for (const name of names) {
    const { probe, from } = TOOLS[name];
    await run(name, probe, { timeoutMs: 20_000 }).catch(() =>
      lines.push(`${name} is not there or does not answer (\`${name} ${probe.join(" ")}\`): ${from}`),
    );
  }
  return lines;
};
