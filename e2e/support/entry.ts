import { once } from "node:events";
import { createServer, connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { kubectlJson, listOf } from "./kubectl.ts";
import { portForward, type Forward } from "./port-forward.ts";

const slice = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        conditions: z.looseObject({ ready: z.boolean().nullish() }).default({}),
        targetRef: z.looseObject({ name: z.string() }).optional(),
      }),
    )
    .nullish(),
});

/** Names of the pods that a Service sends new connections to. */
export const endpointsOf = async (namespace: string, service: string): Promise<string[]> => {
  const selector = `kubernetes.io/service-name=${service}`;
  const { items } = await kubectlJson(listOf(slice), ["get", "endpointslices", "-n", namespace, "-l", selector]);
  return items.flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ conditions, targetRef }) =>
      conditions.ready === false || targetRef === undefined ? [] : [targetRef.name],
    ),
  );
};

/** A Service as clients outside meet it: each new connection goes to the next of its ready pods, and stays there. */
export interface Entry extends AsyncDisposable {
  url: string;
  /** Where new connections go now. */
  pods(): readonly string[];
}

const LOOK_MS = 500;

/** Opens an entry before the clients' Service. `kubectl port-forward` of a Service itself ends with the pod that it chose. */
export const openEntry = async (namespace: string, service: string, port = 3000): Promise<Entry> => {
  const forwards = new Map<string, Promise<Forward>>();
  const sockets = new Set<Socket>();
  const stop = new AbortController();
  let pods: string[] = [];
  let turn = 0;

  const forwardTo = (pod: string): Promise<Forward> => {
    const known = forwards.get(pod);
    if (known !== undefined) return known;
    const opened = portForward(namespace, `pod/${pod}`, port);
    forwards.set(pod, opened);
    opened.catch(() => forwards.delete(pod));
    return opened;
  };
  const look = async () => {
    const found = (await endpointsOf(namespace, service)).sort();
    for (const pod of found)
      if (!((await forwardTo(pod).catch(() => undefined))?.isOpen() ?? false)) forwards.delete(pod);
    pods = found;
  };
  const looking = async () => {
    while (!stop.signal.aborted) {
      await look().catch(() => {});
      await pause(LOOK_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  const pass = async (client: Socket) => {
    const pod = pods[turn++ % Math.max(pods.length, 1)];
    if (pod === undefined) return client.destroy();
    const to = await forwardTo(pod);
    const server = connect(to.port, "127.0.0.1");
    for (const it of [client, server]) {
      sockets.add(it);
      it.setNoDelay(true);
      it.on("error", () => {});
      it.on("close", () => {
        sockets.delete(it);
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server).pipe(client);
  };
  const server = createServer((client) => {
    client.on("error", () => {});
    pass(client).catch(() => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await look();
  const done = looking();
  const address = server.address();
  const local = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${local}`,
    pods: () => pods,
    async [Symbol.asyncDispose]() {
      stop.abort();
      server.close();
      for (const socket of sockets) socket.destroy();
      await done;
      for (const forward of forwards.values()) await forward.then((it) => it[Symbol.asyncDispose]()).catch(() => {});
    },
  };
};
