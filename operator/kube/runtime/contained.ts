import { canonical } from "./canonical.ts";
import { sameQuantity } from "./quantity.ts";

/** A field of the desired object that the live one has otherwise: `spec.replicas`, `spec.template.spec.containers.[web].image`. */
export interface Difference {
  path: string;
  /** What is there instead, as text. */
  live: string;
}

/** Fields that make up an element's identity in a list that several managers may share; the others are compared whole, in order. */
const SHARED_LISTS: readonly { list: RegExp; keys: readonly string[] }[] = [
  { list: /(^|\.)(containers|initContainers)\.\[[^\]]*\]\.ports$/, keys: ["containerPort", "protocol"] },
  { list: /^spec\.ports$/, keys: ["port", "protocol"] },
  { list: /(^|\.)volumeMounts$/, keys: ["mountPath"] },
  { list: /(^|\.)volumeDevices$/, keys: ["devicePath"] },
  { list: /(^|\.)hostAliases$/, keys: ["ip"] },
  { list: /(^|\.)topologySpreadConstraints$/, keys: ["topologyKey", "whenUnsatisfiable"] },
  { list: /^metadata\.ownerReferences$/, keys: ["uid"] },
  { list: /(^|\.)(containers|initContainers|env|volumes|imagePullSecrets|schedulingGates)$/, keys: ["name"] },
];
const KEY_DEFAULTS: Record<string, unknown> = { protocol: "TCP" };
/** Lists in which only membership counts. */
const SETS = /^metadata\.finalizers$/;
/** Objects that belong to one manager whole: a key more is another meaning. */
const WHOLE = /(^|\.)(selector|\w+Selector)(\.|$)/;
/** Where amounts stand, which the API server writes in its own way. */
const AMOUNTS = /(^|\.)(limits|requests|capacity|hard)\.|(^|\.)(sizeLimit|divisor)$/;
/** Plain maps, which the API server leaves out when they are empty. */
const MAPS = /(^|\.)(labels|annotations|matchLabels|nodeSelector|data|binaryData|limits|requests)$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether the API server may answer with nothing where `desired` was asked for. */
const isDropped = (desired: unknown, path: string): boolean =>
  desired === false ||
  desired === 0 ||
  desired === "" ||
  (Array.isArray(desired) && desired.length === 0) ||
  (isRecord(desired) && Object.keys(desired).length === 0 && MAPS.test(path));

const sameScalar = (desired: unknown, live: unknown, path: string): boolean =>
  desired === live ||
  (typeof desired === "number" && String(desired) === live) ||
  (typeof live === "number" && desired === String(live)) ||
  (AMOUNTS.test(path) && sameQuantity(desired, live));

const identity = (element: unknown, keys: readonly string[]): string | undefined => {
  if (!isRecord(element)) return undefined;
  const values = keys.map((key) => element[key] ?? KEY_DEFAULTS[key]);
  return values.includes(undefined) ? undefined : values.join("/");
};

const below = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

const inList = (desired: readonly unknown[], live: readonly unknown[], path: string): Difference[] => {
  const whole = [{ path, live: canonical(live) }];
  if (SETS.test(path)) return desired.every((element) => live.includes(element)) ? [] : whole;
  const keys = SHARED_LISTS.find(({ list }) => list.test(path))?.keys;
  if (keys === undefined || desired.some((element) => identity(element, keys) === undefined)) {
    if (desired.length !== live.length) return whole;
    return desired.flatMap((element, i) => differences(element, live[i], `${path}.[${i}]`));
  }
  const there = new Map(live.map((element) => [identity(element, keys), element]));
  return desired.flatMap((element) => {
    const id = identity(element, keys);
    return differences(element, there.get(id), `${path}.[${id}]`);
  });
};

/**
 * The fields of `desired` that `live` has otherwise. What `live` has beyond them (defaults, other managers' fields and elements) is no
 * difference, and neither is another way to write the same: amounts, a number as text, an empty value that is left out.
 */
export const differences = (desired: unknown, live: unknown, path = ""): Difference[] => {
  if (desired === undefined || desired === null) return [];
  if (live === undefined || live === null) return isDropped(desired, path) ? [] : [{ path, live: "null" }];
  if (Array.isArray(desired) && Array.isArray(live)) return inList(desired, live, path);
  if (isRecord(desired) && isRecord(live)) {
    const more = WHOLE.test(path) ? Object.keys(live).filter((key) => !(key in desired)) : [];
    return [
      ...more.map((key) => ({ path: below(path, key), live: canonical(live[key]) })),
      ...Object.entries(desired).flatMap(([key, value]) => differences(value, live[key], below(path, key))),
    ];
  }
  return sameScalar(desired, live, path) ? [] : [{ path, live: canonical(live) }];
};

/** Whether every field of `desired` is so in `live`. */
export const contained = (desired: unknown, live: unknown): boolean => differences(desired, live).length === 0;
