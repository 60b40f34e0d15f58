import { describe, expect, test } from "@jest/globals";
import { jobsChannel } from "#crds";
import { eventually } from "#testing";
import { testCluster } from "./testing/cluster.ts";

const userOf = async (client: { of(event: string): unknown[] }): Promise<string> =>
  eventually(() => {
    const [session] = client.of("session") as { user: string }[];
    if (session === undefined) throw new Error("no session yet");
    return session.user;
  });

describe("reserved events", () => {
  test("who has subscribed gets what is published from the ack on, by clients of other gateways too, with the sender in it", async () => {
    await using cluster = testCluster();
    const [here, there] = [await cluster.gateway(), await cluster.gateway()];
    using anna = await here.client();
    using ben = await there.client();
    const user = await userOf(ben);
    for (let n = 0; n < 10; n += 1) {
      const channel = `room:${n}`;
      expect(await anna.ask("subscribe", { channel })).toEqual({ ok: true });
      const ack = await ben.ask("publish", { channel, event: "said", data: { n } });
      expect(ack).toEqual({ ok: true, id: expect.any(String) });
      const { id } = ack as { id: string };
      await eventually(() =>
        expect(anna.of("said").at(-1)).toEqual({ channel, user, data: { n }, id, at: expect.any(Number) }),
      );
    }
    expect(ben.of("said")).toEqual([]);
    expect(await anna.ask("unsubscribe", { channel: "room:0" })).toEqual({ ok: true });
    await ben.ask("publish", { channel: "room:0", event: "said", data: "late" });
    await ben.ask("publish", { channel: "room:1", event: "said", data: "last" });
    await eventually(() => expect(anna.of("said").at(-1)).toMatchObject({ data: "last" }));
    expect(anna.of("said")).toHaveLength(11);
  });

  test("presence: each user once, and with watch who enters and who leaves", async () => {
    await using cluster = testCluster();
    const [here, there] = [await cluster.gateway(), await cluster.gateway()];
    using anna = await here.client();
    using ben = await there.client();
    const [a, b] = [await userOf(anna), await userOf(ben)];
    expect(await anna.ask("subscribe", { channel: "room" })).toEqual({ ok: true });
    await eventually(async () =>
      expect(await anna.ask("presence", { channel: "room", watch: true })).toEqual({ ok: true, users: [a] }),
    );
    const [session] = ben.of("session") as { token: string }[];
    using again = await here.client({ token: session?.token });
    await ben.ask("subscribe", { channel: "room" });
    await again.ask("subscribe", { channel: "room" });
    await eventually(() => expect(anna.of("presence:join")).toContainEqual({ channel: "room", user: b }));
    ben.socket.disconnect();
    await eventually(async () => expect(await there.metric("realtime_connections")).toBe(0));
    expect(await anna.ask("presence", { channel: "room" })).toMatchObject({ users: expect.arrayContaining([a, b]) });
    again.socket.disconnect();
    await eventually(() => expect(anna.of("presence:leave")).toEqual([{ channel: "room", user: b }]));
    expect(anna.of("presence:join").filter((it) => Object(it).user === b)).toHaveLength(1);
  });

  test("history: the newest of what clients published, where the resource keeps it", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway({ history: [{ channels: ["room:*"], maxMessages: 3 }] });
    using anna = await gateway.client();
    const user = await userOf(anna);
    for (const n of [1, 2, 3, 4]) await anna.ask("publish", { channel: "room:1", event: "said", data: n });
    await anna.ask("publish", { channel: "hall", event: "said", data: 1 });
    await eventually(async () =>
      expect(await anna.ask("history", { channel: "room:1", limit: 2 })).toMatchObject({
        ok: true,
        messages: [
          { event: "said", args: [{ user, data: 3 }] },
          { event: "said", args: [{ user, data: 4 }] },
        ],
      }),
    );
    expect(await anna.ask("history", { channel: "hall" })).toEqual({ ok: true, messages: [] });
  });

  test("job:status and job:cancel are about one's own jobs only", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    using anna = await gateway.client();
    using ben = await gateway.client();
    const user = await userOf(anna);
    await gateway.store.ledger.record([
      { id: "1", user, pool: "chat", event: "chat:a", state: "running", attempt: 1, startedAt: 1 },
    ]);
    expect(await anna.ask("job:status", { id: "1" })).toMatchObject({ ok: true, job: { id: "1", state: "running" } });
    expect(await ben.ask("job:status", { id: "1" })).toMatchObject({ error: { code: "not_found" } });
    expect(await ben.ask("job:cancel", { id: "1" })).toEqual({ ok: true });
    expect(await gateway.store.ledger.cancelRequested(user, "1")).toBe(false);
    expect(await anna.ask("job:cancel", { id: "1" })).toEqual({ ok: true });
    expect(await gateway.store.ledger.cancelRequested(user, "1")).toBe(true);
  });

  test("the first and the last local subscriber of a channel are told to whoever feeds it", async () => {
    await using cluster = testCluster();
    const gateway = await cluster.gateway();
    const told: [string, boolean][] = [];
    using _ = gateway.gateway.context.onLocalChannel((channel, occupied) => told.push([channel, occupied]));
    using anna = await gateway.client();
    using ben = await gateway.client();
    const channel = jobsChannel("chat");
    for (const client of [anna, ben]) await client.ask("subscribe", { channel });
    for (const client of [anna, ben]) await client.ask("unsubscribe", { channel });
    expect(told).toEqual([
      [channel, true],
      [channel, false],
    ]);
  });
});
