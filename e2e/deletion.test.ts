import { expect } from "@jest/globals";
import { kubectl } from "./support/kubectl.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { scaleOperator } from "./support/operator.ts";
import { full } from "./support/resource.ts";
import { openStage, scenario } from "./support/stage.ts";
import { waitFor } from "./support/wait-for.ts";

const servers = (whenDeleted: "Retain" | "Delete") => ({
  redis: { managed: { storage: "64Mi", whenDeleted } },
  rabbitmq: { managed: { storage: "256Mi", whenDeleted } },
});

for (const [whenDeleted, what, left] of [
  ["Retain", "stay", ["data-chat-rabbitmq-0", "data-chat-redis-0"]],
  ["Delete", "go", []],
] as const)
  scenario(
    `a resource with whenDeleted: ${whenDeleted} is deleted: its pods and children go, its volumes ${what}`,
    async (stage) => {
      await stage.apply(full("chat", { servers: servers(whenDeleted) }));
      await stage.ready("chat");
      await stage.kubectl("delete", "rtc", "chat", "--timeout=60s");
      await waitFor(
        async () => {
          const kinds =
            "pods,deployments,statefulsets,services,secrets,configmaps,poddisruptionbudgets,networkpolicies";
          const children = await stage.list(kinds, "realtimecluster.dev/cluster=chat");
          expect(children.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([]);
          expect((await stage.list("pvc")).map(({ metadata }) => metadata.name).sort()).toEqual(left);
        },
        { timeoutMs: 150_000, everyMs: 1000 },
      );
      if (whenDeleted === "Delete") return;
      await stage.apply(full("chat", { servers: servers(whenDeleted) }));
      await stage.ready("chat");
    },
  );

scenario(
  "a namespace is deleted while the operator is gone: nothing hangs",
  async () => {
    const stage = await openStage("gone");
    try {
      await stage.apply(full("chat", { servers: servers("Retain") }));
      await stage.ready("chat");
      await scaleOperator(0);
      const seconds = await secondsOf(() =>
        kubectl(["delete", "namespace", stage.namespace, "--timeout=280s"], { timeoutMs: 290_000 }),
      );
      await measured("a namespace deleted with the operator gone, until it is away", seconds, "s");
    } finally {
      await scaleOperator(2);
      await stage[Symbol.asyncDispose]();
    }
  },
  480_000,
);

scenario("a resource in a namespace that is terminating makes no noise and heals nothing", async () => {
  const stage = await openStage("terminating");
  await stage.apply(full("chat", { servers: servers("Delete") }));
  await kubectl(["delete", "namespace", stage.namespace, "--timeout=200s"], { timeoutMs: 210_000 });
  await using other = await openStage("terminating-next");
  await other.apply(full("chat", { servers: servers("Delete") }));
  await other.ready("chat");
});
