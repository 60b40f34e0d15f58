import { ApiError, type Client } from "./client.ts";
import { refOf, refText, type KubeObject, type Ref } from "./object.ts";

/** What a request asks, as a test sees it. */
export interface Request {
  verb: "get" | "list" | "create" | "apply" | "merge" | "delete";
  name: string;
  body?: object;
}

export interface MemoryClient extends Client {
  /** All requests so far. */
  readonly requests: readonly Request[];
  /** Called before each request: what it throws or waits for happens to the request. */
  intercept(before: (request: Request) => void | Promise<void>): void;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const merged = (target: object, patch: object): Record<string, unknown> => {
  const result: Record<string, unknown> = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    const old = result[key];
    if (value === null) delete result[key];
    else result[key] = isRecord(value) ? merged(isRecord(old) ? old : {}, value) : value;
  }
  return result;
};

/** For tests of timing: a `Client` over a map, with uids, resourceVersions and preconditions; an apply replaces the parts that it names. */
export const memoryClient = (): MemoryClient => {
  const objects = new Map<string, KubeObject>();
  const requests: Request[] = [];
  let before: (request: Request) => void | Promise<void> = () => {};
  let version = 0;

  const ask = async (request: Request): Promise<void> => {
    requests.push(request);
    await before(request);
  };
  const store = (object: KubeObject): KubeObject => {
    const metadata = { ...object.metadata, resourceVersion: String(++version) };
    const stored = structuredClone({ ...object, metadata: { uid: `uid-${version}`, ...metadata } });
    objects.set(refText(refOf(stored)), stored);
    return structuredClone(stored);
  };
  const changed = (ref: Ref, body: object): KubeObject => {
    const known = objects.get(refText(ref));
    if (known === undefined) throw new ApiError(404, "NotFound", `${ref.name} not found`);
    const asked: unknown = "metadata" in body ? body.metadata : undefined;
    for (const field of ["uid", "resourceVersion"])
      if (isRecord(asked) && asked[field] !== undefined && asked[field] !== known.metadata[field])
        throw new ApiError(409, "Conflict", `${ref.name} has been modified`);
    const result = merged(known, body);
    return store({ ...known, ...result, metadata: { ...known.metadata } });
  };

  return {
    requests,
    intercept: (call) => void (before = call),
    get: async (ref) => {
      await ask({ verb: "get", name: ref.name });
      return structuredClone(objects.get(refText(ref)));
    },
    list: async ({ apiVersion, kind }) => {
      await ask({ verb: "list", name: kind });
      return [...objects.values()].filter((it) => it.apiVersion === apiVersion && it.kind === kind);
    },
    create: async (object) => {
      await ask({ verb: "create", name: object.metadata.name, body: object });
      if (objects.has(refText(refOf(object))))
        throw new ApiError(409, "AlreadyExists", `${object.metadata.name} already exists`);
      return store(object);
    },
    apply: async (object, { subresource }) => {
      await ask({ verb: "apply", name: object.metadata.name, body: object });
      const ref = refOf(object);
      return objects.has(refText(ref)) || subresource !== undefined ? changed(ref, object) : store(object);
    },
    merge: async (ref, body) => {
      await ask({ verb: "merge", name: ref.name, body });
      return changed(ref, body);
    },
    delete: async (ref) => {
      await ask({ verb: "delete", name: ref.name });
      objects.delete(refText(ref));
    },
  };
};
