import { expect, test } from "@jest/globals";
import { eventually, startRedisProcess } from "#testing";
import { recoveryCluster, rove, tokenOf, type RecoveringGateway } from "../testing/recovery-cluster.ts";
import { say, subscribe, until } from "../testing/roving.ts";

const AUTH = { jwt: { secretRef: { name: "users", key: "secret" } } };

const appended = async (gateway: RecoveringGateway): Promise<number> =>
  Number(/^realtime_log_appended_total(?:{.*})? (\d+)/m.exec(String(await gateway.ask("metrics")))?.[1] ?? 0);

test("back at a gateway that has marked what it was put into while away, which dies before it has read so far: it is in", async () => {
  await using log = await startRedisProcess();
  await using store = await startRedisProcess();
  const uri = [log, store].map(({ port }) => `redis://127.0.0.1:${port}`).join(" ");
  await using cluster = recoveryCluster("redis", uri, { gateway: { auth: AUTH } });
  const [one, other] = await Promise.all([cluster.gateway(), cluster.gateway()]);
  using anna = await rove(one.port, { token: await tokenOf("anna") });
  using ben = await rove(one.port, { token: await tokenOf("ben") });
  await subscribe(ben, "busy");
  const pid: unknown = Reflect.get(anna.socket, "_pid");
  anna.socket.io.reconnection(false);
  anna.cut();
  await eventually(() => expect(anna.socket.connected).toBe(false));
  await other.ask("join", { user: "anna", joined: "club" });
  const before = await appended(one);
  for (let index = 0; index < 40; index += 1) await say(other, "busy", index);
  await eventually(async () => expect(await appended(one)).toBeGreaterThan(before));
  await until(ben, "n", 39);

  // The log takes nothing more, so that she stays behind.
  await log.call("CLIENT", "PAUSE", "60000", "WRITE");
  anna.socket.connect();
  await eventually(async () => {
    const session = await store.call("HMGET", `realtime:{${cluster.name}}:session:${String(pid)}`, "turn", "body");
    expect(session).toEqual(["1", expect.anything()]);
  });
  await one.process.kill("SIGKILL");
  await log.call("CLIENT", "UNPAUSE");
  Reflect.set(anna.socket.io, "uri", `http://127.0.0.1:${other.port}`);
  anna.socket.io.reconnection(true);
  anna.socket.connect();
  await eventually(() => expect(anna.connects()).toBe(2));
  expect(anna.socket.recovered).toBe(true);
  await say(other, "club", "in");
  await until(anna, "n", "in");
});
