import { jest, test } from "@jest/globals";
import { chatOver, type Mix } from "../testing/chat-over.ts";

jest.setTimeout(240_000);

const mixes: Mix[] = [
  { adapter: "redis", broker: "rabbitmq" },
  { adapter: "redis", broker: "zeromq" },
  { adapter: "rabbitmq", broker: "rabbitmq" },
  { adapter: "rabbitmq", broker: "zeromq" },
  { adapter: "zeromq", broker: "rabbitmq" },
  { adapter: "zeromq", broker: "zeromq" },
];

test.each(mixes)("the chat runs with the words $adapter and $broker", (mix) => chatOver(mix));
