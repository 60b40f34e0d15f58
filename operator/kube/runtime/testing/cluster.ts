import { randomBytes } from "node:crypto";
import { Registry } from "prom-client";
import { silentLog } from "#process";
import type { KubeObject, OwnerReference } from "../object.ts";
import { openClient, type ClientOptions, type KubeClient } from "../open-client.ts";

/** A namespace of a test's own on the cluster of $KUBECONFIG, gone at the end. */
export interface TestNamespace extends AsyncDisposable {
  name: string;
  client: KubeClient;
  registry: Registry;
  /** An object that can own others, with the reference to it. */
  owner(name: string): Promise<OwnerReference>;
}

export const openNamespace = async (options: Partial<ClientOptions> = {}): Promise<TestNamespace> => {
  const registry = new Registry();
  const client = openClient({ log: silentLog(), registry, userAgent: "runtime-test", ...options });
  const name = `runtime-${randomBytes(4).toString("hex")}`;
  const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  await client.create(namespace, { fieldManager: "test" });
  return {
    name,
    client,
    registry,
    async owner(owner) {
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: owner, namespace: name } };
      const { metadata } = await client.create(object, { fieldManager: "test" });
      return { apiVersion: "v1", kind: "ConfigMap", name: owner, uid: metadata.uid ?? "" };
    },
    async [Symbol.asyncDispose]() {
      await client.delete({ apiVersion: "v1", kind: "Namespace", name });
      await client[Symbol.asyncDispose]();
    },
  };
};
