import { expect } from "@jest/globals";
import { setTimeout as pause } from "node:timers/promises";
import { kubectl } from "./support/kubectl.ts";
import { installOperator, operatorPods, uninstallOperator } from "./support/operator.ts";
import { full, light } from "./support/resource.ts";
import { scenario } from "./support/stage.ts";
import { holdsFor } from "./support/wait-for.ts";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";

const SETTLED_MS = 20_000;

scenario(
  "helm upgrade of the same build under a second version number rolls nothing, and a new cluster gets it",
  async (stage) => {
    await stage.apply(full("chat"));
    await stage.ready("chat");
    const before = await stage.podUids("chat");
    const { version } = await stage.status("chat");
    const operators = (await operatorPods()).map((it) => it.metadata.uid);
    try {
      await installOperator({ "dataPlane.version": "0.1.99" });
      const now = (await operatorPods()).map((it) => it.metadata.uid);
      for (const uid of operators) expect(now).not.toContain(uid);
      await holdsFor(async () => expect(await stage.podUids("chat")).toEqual(before), { forMs: SETTLED_MS });
      await stage.ready("chat");
      const status = await stage.status("chat");
      expect(status.version).toBe(version);
      expect(JSON.stringify(status.conditions) + JSON.stringify(status)).toContain("0.1.99");

      await stage.apply(light("later"));
      await stage.condition("later", "Ready", "False");
      const images = ["get", "pods", "-l", "realtimecluster.dev/cluster=later", "-o", "jsonpath={..image}"];
      await pause(2000);
      expect(await stage.kubectl(...images)).toContain(":0.1.99");
    } finally {
      await installOperator();
    }
    expect(await stage.podUids("chat")).toEqual(before);
  },
  480_000,
);

scenario(
  "helm uninstall and install again keep the clusters",
  async (stage) => {
    await stage.apply(light("chat"));
    await stage.ready("chat");
    const before = await stage.podUids("chat");
    await uninstallOperator();
    try {
      expect(await stage.podUids("chat")).toEqual(before);
      expect(await kubectl(["get", "crd", "realtimeclusters.realtimecluster.dev"])).toContain("realtimeclusters");
      await using entry = await openEntry(stage.namespace, "chat-gateway");
      using client = await openClient(entry.url);
      await client.job();
    } finally {
      await installOperator();
    }
    await holdsFor(async () => expect(await stage.podUids("chat")).toEqual(before), { forMs: SETTLED_MS });
    await stage.patch("chat", { gateway: { replicas: 2 } });
    await stage.ready("chat");
  },
  480_000,
);
