import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { eventually, spawnNode } from "#testing";
import { openNamespace } from "./testing/cluster.ts";

const CANDIDATE = fileURLToPath(new URL("testing/election-candidate.ts", import.meta.url));
const ACTS = { apiVersion: "v1", kind: "ConfigMap" };

/** Candidates, and every write of theirs in the API server's order. */
const openElection = async () => {
  await using stack = new AsyncDisposableStack();
  const { name: namespace, client } = stack.use(await openNamespace());
  const { metadata } = await client.create(
    { ...ACTS, metadata: { name: "acts", namespace } },
    { fieldManager: "test" },
  );
  const acts: { by: string; at: number }[] = [];
  const end = new AbortController();
  const options = { namespace, fieldSelector: "metadata.name=acts", timeoutSeconds: 600, silentAfterMs: 120_000 };
  const watching = (async () => {
    const events = client.watch(ACTS, {
      ...options,
      resourceVersion: metadata.resourceVersion ?? "",
      signal: end.signal,
    });
    for await (const event of events)
      if (event.type === "MODIFIED") acts.push({ by: Object(event.object["data"]).by, at: performance.now() });
  })().catch(() => undefined);
  stack.defer(async () => {
    end.abort();
    await watching;
  });
  const started = stack.move();
  const stand = (identity: string) => started.use(spawnNode(CANDIDATE, { NAMESPACE: namespace, IDENTITY: identity }));
  const actsOf = (identity: string) => acts.filter(({ by }) => by === identity);
  return {
    stand,
    actsOf,
    /** Resolves when it acted so many times. */
    acting: (identity: string, times = 1) =>
      eventually(() => expect(actsOf(identity).length).toBeGreaterThanOrEqual(times), { timeoutMs: 60_000 }),
    /** Who acted, one after the other. */
    terms: () => acts.map(({ by }) => by).filter((by, index, all) => by !== all[index - 1]),
    /** ms without any act between the two's. */
    gap: (from: string, to: string) => (actsOf(to)[0]?.at ?? Infinity) - (actsOf(from).at(-1)?.at ?? Infinity),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
};

test("one of two acts; when it is killed, the other does within 20 s", async () => {
  await using election = await openElection();
  const a = election.stand("a");
  await election.acting("a");
  election.stand("b");
  await election.acting("a", 200);
  expect(election.terms()).toEqual(["a"]);
  await a.kill("SIGKILL");
  await election.acting("b");
  expect(election.gap("a", "b")).toBeLessThan(20_000);
  expect(election.terms()).toEqual(["a", "b"]);
});

test("when the leader is asked to end, the other acts within 3 s", async () => {
  await using election = await openElection();
  const a = election.stand("a");
  await election.acting("a");
  election.stand("b");
  await election.acting("a", 200);
  a.child.kill("SIGTERM");
  expect(await a.exited).toBe(0);
  await election.acting("b");
  expect(election.gap("a", "b")).toBeLessThan(3000);
  expect(election.terms()).toEqual(["a", "b"]);
});

test("stopped for 20 s and continued, the leader of before ends without another act", async () => {
  await using election = await openElection();
  const a = election.stand("a");
  await election.acting("a");
  election.stand("b");
  await election.acting("a", 200);
  a.child.kill("SIGSTOP");
  const stoppedAt = performance.now();
  await election.acting("b");
  await eventually(() => expect(performance.now() - stoppedAt).toBeGreaterThan(20_000), { timeoutMs: 30_000 });
  const before = election.actsOf("b").length;
  a.child.kill("SIGCONT");
  expect(await a.exited).toBe(1);
  await election.acting("b", before + 200);
  expect(election.terms()).toEqual(["a", "b"]);
});
