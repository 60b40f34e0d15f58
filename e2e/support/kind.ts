import { run } from "./command.ts";

const NAME = "realtime-e2e";

/** E2E_NODE_IMAGE, else a kindest/node image that is here already, else kind's default. */
const nodeImage = async (): Promise<string | undefined> => {
  const named = process.env["E2E_NODE_IMAGE"];
  if (named !== undefined) return named;
  const here = await run("docker", ["images", "kindest/node", "--format", "{{.Repository}}:{{.Tag}}"]);
  return here.split("\n").find((image) => image !== "" && !image.endsWith("<none>"));
};

/** Creates the suite's cluster, after an earlier one of its name is gone. The first node is the control plane. */
export const createCluster = async (kubeconfig: string, nodes: number, signal: AbortSignal): Promise<void> => {
  await deleteCluster(kubeconfig);
  const roles = Array.from({ length: nodes }, (_, index) => ({ role: index === 0 ? "control-plane" : "worker" }));
  const config = JSON.stringify({ kind: "Cluster", apiVersion: "kind.x-k8s.io/v1alpha4", nodes: roles });
  const image = await nodeImage();
  const args = ["create", "cluster", "--name", NAME, "--kubeconfig", kubeconfig, "--wait", "180s", "--config", "-"];
  await run("kind", [...args, ...(image === undefined ? [] : ["--image", image])], {
    input: config,
    shown: true,
    timeoutMs: 600_000,
    signal,
  });
};

/** Deletes the suite's cluster, if it is there. */
export const deleteCluster = async (kubeconfig: string): Promise<void> =>
  void (await run("kind", ["delete", "cluster", "--name", NAME, "--kubeconfig", kubeconfig], { timeoutMs: 180_000 }));

/** Loads images into the cluster's nodes: `ours` must be here; of `others` those that are, the nodes pull the rest. */
export const loadImages = async (ours: readonly string[], others: readonly string[]): Promise<void> => {
  const here: string[] = [];
  for (const image of others)
    await run("docker", ["image", "inspect", image]).then(
      () => here.push(image),
      () => {},
    );
  await run("kind", ["load", "docker-image", "--name", NAME, ...ours, ...here], { shown: true, timeoutMs: 900_000 });
};
