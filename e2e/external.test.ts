import { expect } from "@jest/globals";
import { openClient } from "./support/client.ts";
import { openEntry } from "./support/entry.ts";
import { measured, secondsOf } from "./support/figures.ts";
import { chatPool, resource } from "./support/resource.ts";
import { scenario } from "./support/stage.ts";

const restricted = {
  runAsNonRoot: true,
  runAsUser: 999,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

const server = (name: string, image: string, port: number, command?: string[]) => [
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name,
              image,
              ...(command === undefined ? {} : { command }),
              securityContext: restricted,
              readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  },
  { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: { app: name }, ports: [{ port }] } },
];

const secret = (name: string, stringData: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  stringData,
});

const PASSWORD = "redis-of-one's-own";

scenario("external Redis and RabbitMQ, by Secret: nothing of them is run here, and a job comes back", async (stage) => {
  const rabbit = { host: "my-rabbitmq", port: "5672", username: "guest", password: "guest" };
  const items = [
    ...server("my-redis", "redis:8", 6379, ["redis-server", "--requirepass", PASSWORD, "--save", ""]),
    ...server("my-rabbitmq", "rabbitmq:4-management", 5672, [
      "sh",
      "-c",
      "echo 'loopback_users = none' > /tmp/rabbitmq.conf && RABBITMQ_CONFIG_FILE=/tmp/rabbitmq.conf exec rabbitmq-server",
    ]),
    secret("redis-login", { uri: `redis://:${encodeURIComponent(PASSWORD)}@my-redis:6379` }),
    secret("rabbitmq-login", rabbit),
  ];
  await stage.apply({ apiVersion: "v1", kind: "List", items });
  for (const name of ["my-redis", "my-rabbitmq"])
    await stage.kubectl("rollout", "status", `deployment/${name}`, "--timeout=110s");

  const spec = {
    servers: { redis: { secretRef: { name: "redis-login" } }, rabbitmq: { secretRef: { name: "rabbitmq-login" } } },
    gateway: { replicas: 1 },
    workers: [chatPool()],
  };
  const seconds = await secondsOf(async () => {
    await stage.apply(resource("chat", spec));
    await stage.ready("chat");
  });
  await measured("apply → Ready, external Redis and RabbitMQ", seconds, "s", 15);
  expect(await stage.list("statefulset")).toEqual([]);
  {
    await using entry = await openEntry(stage.namespace, "chat-gateway");
    using client = await openClient(entry.url);
    await client.job();
  }

  const before = await stage.podUids("chat");
  await stage.kubectl("delete", "rtc", "chat");
  expect(before.length).toBe(2);

  await stage.apply(
    resource("chat", { ...spec, servers: { ...spec.servers, redis: { secretRef: { name: "none" } } } }),
  );
  await stage.condition("chat", "Ready", "False", { message: /none/, timeoutMs: 30_000 });
});
