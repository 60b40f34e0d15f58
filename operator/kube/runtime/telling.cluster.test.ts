import { expect, test } from "@jest/globals";
import { silentLog } from "#process";
import { eventually } from "#testing";
import { openEventRecorder } from "./events.ts";
import { refOf } from "./object.ts";
import { openStatusWriter } from "./status.ts";
import { openNamespace } from "./testing/cluster.ts";

test("an event and its repetition are taken by the API server, and found as `kubectl describe` looks for them", async () => {
  await using space = await openNamespace();
  const { uid, name } = await space.owner("thing");
  const about = { apiVersion: "v1", kind: "ConfigMap", namespace: space.name, name, uid };
  await using recorder = openEventRecorder({
    client: space.client,
    controller: "example.com/operator",
    instance: "operator-1",
    log: silentLog(),
    limits: { countMs: 200 },
  });
  const message = "ä".repeat(2000);
  for (let i = 0; i < 3; i++) recorder.record({ about, type: "Warning", reason: "Failed", action: "Create", message });
  await eventually(async () => {
    const options = { namespace: space.name, fieldSelector: `involvedObject.uid=${uid}` };
    const events = await space.client.list({ apiVersion: "v1", kind: "Event" }, options);
    expect(events).toMatchObject([
      { reason: "Failed", type: "Warning", reportingComponent: "example.com/operator", series: { count: 3 } },
    ]);
  });
});

test("a status is written once, keeps the time of a condition that stays, and is left alone when the object is gone or another", async () => {
  await using space = await openNamespace();
  const { client } = space;
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: space.name },
    spec: { clusterIP: "None", ports: [{ port: 80 }] },
  };
  const created = await client.create(service, { fieldManager: "test" });
  const read = async () => (await client.get(refOf(created))) ?? created;
  let seconds = 0;
  await using writer = openStatusWriter({
    client,
    fieldManager: "test-status",
    log: silentLog(),
    today: () => Date.UTC(2026, 0, 1, 0, 0, seconds++),
  });
  const statusOf = (message: string) => ({
    conditions: [{ type: "Ready", status: "True", reason: "Serving", message }],
  });
  await writer.write(created, statusOf("1/2"));
  const first = await read();
  await writer.write(first, statusOf("1/2"));
  expect((await read()).metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  await writer.write(first, statusOf("2/2"));
  const second = await read();
  expect(second["status"]).toMatchObject({
    conditions: [{ message: "2/2", lastTransitionTime: "2026-01-01T00:00:00Z" }],
  });
  await client.delete(refOf(created));
  await writer.write(second, statusOf("gone"));
  const other = await client.create(service, { fieldManager: "test" });
  await writer.write(second, statusOf("another"));
  expect((await read()).metadata.uid).toBe(other.metadata.uid);
  expect((await read())["status"]).not.toHaveProperty("conditions");
});
