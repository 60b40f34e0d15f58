import { once } from "node:events";
import { createServer as createHttpServer, request as httpRequest } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** A balancer with no stickiness at all. */
export interface Balancer extends AsyncDisposable {
  url: string;
}

const opened = async (server: Server, open: Set<Socket>): Promise<Balancer> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
};

const join = (one: Socket, other: Socket, open: Set<Socket>): void => {
  for (const [socket, opposite] of [
    [one, other],
    [other, one],
  ] as const) {
    open.add(socket);
    socket
      .on("error", () => undefined)
      .on("close", () => {
        open.delete(socket);
        opposite.destroySoon();
      });
    socket.pipe(opposite);
  }
};

/** Raw TCP: each connection to the next gateway in turn. */
export const roundRobin = (ports: readonly number[]): Promise<Balancer> => {
  let turn = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    join(client, connect(ports[turn++ % ports.length] ?? 0, "127.0.0.1"), open);
  });
  return opened(server, open);
};

/** Reads HTTP just enough to give each request of a session to another gateway than its last one. One that is gone gets no more. */
export const neverTwice = (all: readonly number[]): Promise<Balancer> => {
  let turn = 0;
  let ports = all;
  const turns = new Map<string, number>();
  const open = new Set<Socket>();
  const next = (url = ""): number => {
    const sid = /[?&]sid=([^&]*)/.exec(url)?.[1];
    const last = sid === undefined ? turn++ : (turns.get(sid) ?? turn++);
    if (sid !== undefined) turns.set(sid, last + 1);
    return ports[(last + 1) % ports.length] ?? 0;
  };
  const server = createHttpServer((request, response) => {
    const { method, url, rawHeaders } = request;
    const port = next(url);
    const onward = httpRequest({
      host: "127.0.0.1",
      port,
      method,
      path: url,
      headers: rawHeaders,
      agent: false,
    });
    onward.on("response", (answer) => {
      answer.once("data", (chunk: Buffer) => {
        const made = /^0{"sid":"([^"]*)"/.exec(chunk.toString("latin1"))?.[1];
        if (made !== undefined) turns.set(made, ports.indexOf(port));
      });
      response.writeHead(answer.statusCode ?? 500, answer.statusMessage, answer.rawHeaders);
      answer.pipe(response);
    });
    onward.on("error", (error) => {
      if ("code" in error && error.code === "ECONNREFUSED") ports = ports.filter((it) => it !== port);
      response.destroy();
    });
    response.on("close", () => onward.destroy());
    request.pipe(onward);
  });
  server.on("upgrade", ({ method, url, rawHeaders }, client: Socket, head) => {
    const gateway = connect(next(url), "127.0.0.1");
    const headers = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    gateway.write([`${method} ${url} HTTP/1.1`, ...headers, "", ""].join("\r\n"));
    gateway.write(head);
    join(client, gateway, open);
  });
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  return opened(server, open);
};
