import { Agent, get } from "node:http";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createListener } from "./listener.ts";
import { settingsOf } from "./testing/settings.ts";

const HANDSHAKE = "/socket.io/?EIO=4&transport=polling";

let stack: AsyncDisposableStack;
beforeEach(() => void (stack = new AsyncDisposableStack()));
afterEach(() => stack.disposeAsync());

/** A clients' port, and a client that uses one connection as long as it may. */
const open = async () => {
  const door = {
    isRefusing: false,
    isShedding: false,
    refusing: () => door.isRefusing,
    shedding: () => door.isShedding,
    arrived: () => undefined,
  };
  const listener = createListener(settingsOf({ options: { pingInterval: 100 } }), {}, door);
  const port = await listener.listen("127.0.0.1", 0);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  stack.defer(async () => {
    agent.destroy();
    await listener.io.close();
  });
  const ask = (path: string) =>
    new Promise<{ status: number | undefined; connection: string | undefined; body: string }>((resolve, reject) => {
      get({ port, path, agent, host: "127.0.0.1" }, (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () =>
          resolve({ status: response.statusCode, connection: response.headers.connection, body }),
        );
      }).on("error", reject);
    });
  return { door, ask };
};

test("while it sheds, a client is not let in again over the connection that it has, and over a new one it is", async () => {
  const { door, ask } = await open();
  const { body } = await ask(HANDSHAKE);
  expect(await ask(HANDSHAKE)).toMatchObject({ status: 200, connection: "keep-alive" });
  door.isShedding = true;
  const { sid } = JSON.parse(body.slice(1)) as { sid: string };
  expect(await ask(`${HANDSHAKE}&sid=${sid}`)).toMatchObject({ status: 200, connection: "keep-alive" });
  expect(await ask(HANDSHAKE)).toMatchObject({ status: 403, connection: "close" });
  expect(await ask(HANDSHAKE)).toMatchObject({ status: 200, connection: "keep-alive" });
});

test("while it refuses, nobody is let in, and every connection is closed", async () => {
  const { door, ask } = await open();
  door.isRefusing = true;
  expect(await ask(HANDSHAKE)).toMatchObject({ status: 403, connection: "close" });
});
