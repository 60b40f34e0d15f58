import { expect, test } from "@jest/globals";
import { forClients } from "./for-clients.ts";

const gateway = (instance: string, shunned?: true) => ({
  instance,
  clients: "",
  control: "",
  ...(shunned === undefined ? {} : { shunned }),
});

test.each([
  ["all gateways", [gateway("a"), gateway("b")], ["a", "b"]],
  ["not to one that is shunned", [gateway("a", true), gateway("b")], ["b"]],
  ["to one that is shunned where there is no other", [gateway("a", true)], ["a"]],
  ["to nobody where there is nobody", [], []],
])("clients are sent to %s", (_whom, gateways, expected) => {
  expect(forClients({ links: [], gateways }).map(({ instance }) => instance)).toEqual(expected);
});
