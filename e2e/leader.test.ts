import { describe, expect } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { run } from "./support/command.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { isReady, kubectl, kubectlJson, listOf, object, type Pod } from "./support/kubectl.ts";
import { leader, OPERATOR_NAMESPACE, operatorPods } from "./support/operator.ts";
import { chatPool, idle, light } from "./support/resource.ts";
import { shared, type Stage } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const another = (than: Pod, timeoutMs: number): Promise<Pod> =>
  waitFor(
    async () => {
      const now = await leader();
      if (now.metadata.uid === than.metadata.uid) throw new Error(`${now.metadata.name} still leads`);
      return now;
    },
    { timeoutMs, everyMs: 200 },
  );

const bothReady = () =>
  waitFor(async () => expect((await operatorPods()).filter(isReady)).toHaveLength(2), { timeoutMs: 120_000 });

const counted = (stage: Stage, replicas: number) =>
  waitFor(
    async () => {
      const [deployment] = await stage.list(
        "deployment",
        "realtimecluster.dev/cluster=chat,realtimecluster.dev/role=worker",
      );
      expect(deployment?.["spec"]).toMatchObject({ replicas });
    },
    { timeoutMs: 60_000 },
  );

const follows = async (stage: Stage, replicas: number): Promise<void> => {
  await stage.patch("chat", { workers: [chatPool({ replicas })] });
  await counted(stage, replicas);
};

const containers = z.object({
  status: z.object({ containerStatuses: z.array(z.object({ containerID: z.string() })) }),
});

/** The main process of a pod, as its node (a container of kind) knows it. */
const processOf = async ({ metadata, spec }: Pod): Promise<{ node: string; pid: string }> => {
  const { status } = await kubectlJson(containers, ["get", "pod", "-n", OPERATOR_NAMESPACE, metadata.name]);
  const id = status.containerStatuses[0]?.containerID.replace(/^\w+:\/\//, "") ?? "";
  const node = spec.nodeName ?? "";
  const tasks = await run("docker", ["exec", node, "ctr", "--namespace", "k8s.io", "tasks", "list"]);
  const [, pid] = new RegExp(`^${id}\\s+(\\d+)\\s`, "m").exec(tasks) ?? [];
  if (pid === undefined) throw new Error(`${node} runs no container ${id}`);
  return { node, pid };
};

/** More first passes than the operator's writes allow at once: they take seconds, and whenever it is killed some are half done. */
const MANY = Array.from({ length: 24 }, (_, index) => `second-${index}`);

const status = z.object({ conditions: z.array(z.unknown()).min(1) });

/** Those of `MANY` whose first pass has not ended: a status is its last word. */
const unfinished = async (stage: Stage): Promise<string[]> =>
  (await stage.list("rtc"))
    .filter((it) => MANY.includes(it.metadata.name) && !status.safeParse(it["status"]).success)
    .map(({ metadata }) => metadata.name);

const events = z.object({
  items: z.array(z.looseObject({ reason: z.string().nullish(), type: z.string().nullish() })),
});

describe("two operators, one of which acts", () => {
  const it = shared("leader", async (stage) => {
    await bothReady();
    await stage.apply(light("chat"));
    await stage.ready("chat");
  });

  it("the leader stopped: it gives the Lease back, and the other acts at once", async (stage) => {
    const first = await leader();
    const seconds = await secondsOf(async () => {
      await kubectl(["delete", "pod", "-n", OPERATOR_NAMESPACE, first.metadata.name, "--wait=false"]);
      await another(first, 20_000);
      await follows(stage, 2);
    });
    await measured("the leader stopped → the other has acted", seconds, "s", 20);
    expect(seconds).toBeLessThan(20);
    await bothReady();
  });

  it("the leader killed in the middle of passes: the other goes on with them within 20 s", async (stage) => {
    const { node, pid } = await processOf(await leader());
    const begun = async () => {
      const children = await stage.list("configmaps", "realtimecluster.dev/cluster");
      return MANY.filter((name) =>
        children.some(({ metadata }) => metadata.labels?.["realtimecluster.dev/cluster"] === name),
      );
    };
    await stage.apply({ apiVersion: "v1", kind: "List", items: MANY.map((name) => idle(name)) });
    await waitFor(async () => expect(await begun()).not.toEqual([]), { timeoutMs: 20_000, everyMs: 10 });
    await run("docker", ["exec", node, "kill", "-9", pid]);
    const left = (await unfinished(stage)).length;
    expect(left).toBeGreaterThan(0);
    const seconds = await secondsOf(async () => {
      await waitFor(async () => expect((await unfinished(stage)).length).toBeLessThan(left), { timeoutMs: 60_000 });
    });
    await measured("the leader killed in the middle of passes → another goes on with them", seconds, "s", 20);
    expect(seconds).toBeLessThan(20);
    for (const name of MANY) await stage.ready(name);
    await bothReady();
    await stage.kubectl("delete", "rtc", ...MANY);
  });

  it("the leader frozen and continued: the other acts meanwhile, and it does no harm", async (stage) => {
    const first = await leader();
    const { node, pid } = await processOf(first);
    await run("docker", ["exec", node, "kill", "-STOP", pid]);
    try {
      await another(first, 30_000);
      await follows(stage, 1);
      await stage.ready("chat");
    } finally {
      await run("docker", ["exec", node, "kill", "-CONT", pid]);
    }
    const before = await stage.podUids("chat");
    await bothReady();
    await stage.ready("chat");
    expect(await stage.podUids("chat")).toEqual(before);
    await follows(stage, 2);
  });

  it("the API server away for half a minute: what runs goes on, and the operator follows when it is back", async (stage) => {
    const before = await stage.podUids("chat", "gateway");
    const planes = await kubectlJson(listOf(object), ["get", "nodes", "-l", "node-role.kubernetes.io/control-plane"]);
    const name = planes.items[0]?.metadata.name ?? "";
    const manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    await run("docker", ["exec", name, "mv", manifest, "/etc/kubernetes/kube-apiserver.yaml"]);
    await waitFor(
      async () => {
        const answers = await kubectl(["get", "--raw", "/readyz", "--request-timeout=2s"]).then(
          () => true,
          () => false,
        );
        if (answers) throw new Error("the API server still answers");
      },
      { timeoutMs: 60_000 },
    );
    await pause(30_000);
    await run("docker", ["exec", name, "mv", "/etc/kubernetes/kube-apiserver.yaml", manifest]);
    await waitFor(() => kubectl(["get", "--raw", "/readyz", "--request-timeout=2s"]), { timeoutMs: 180_000 });
    await waitFor(() => follows(stage, 1), { timeoutMs: 120_000 });
    await stage.ready("chat");
    expect(await stage.podUids("chat", "gateway")).toEqual(before);
    await bothReady();
  });

  it("tells what it does in events, without repetition", async (stage) => {
    const { items } = await kubectlJson(events, [
      "get",
      "events",
      "-n",
      stage.namespace,
      "--field-selector",
      "involvedObject.kind=RealtimeCluster,involvedObject.name=chat",
    ]);
    expect(items.length).toBeGreaterThan(0);
    expect(items.length).toBeLessThan(60);
  });
});
