import { spec } from "../resource/realtime-cluster.ts";
import { RULES } from "../resource/rules.ts";
import { DEFAULT_LIMITS, DEFAULT_SOCKET_OPTIONS } from "../resource/with-defaults.ts";
import { status } from "../schema/status.ts";
import { structuralSchema, type Structural } from "../schema/structural.ts";
import { table } from "./table.ts";

const typeOf = (it: Structural): string => {
  if (it.enum !== undefined) return it.enum.map((value) => `\`${String(value)}\``).join(" ");
  if (it.type === "array") return `list of ${it.items?.type === "object" ? "objects" : `${it.items?.type ?? "any"}s`}`;
  return it["x-kubernetes-preserve-unknown-fields"] === true ? "object, free" : (it.type ?? "any");
};

const boundsOf = (it: Structural): string => {
  const [low, high] = [it["minimum"], it["maximum"]].map((bound) => (typeof bound === "number" ? bound : ""));
  return low === "" && high === "" ? "" : ` ${low}–${high}`;
};

const defaultOf = (it: Structural): string =>
  it.default === undefined || (it.type === "object" && JSON.stringify(it.default) === "{}")
    ? ""
    : `\`${JSON.stringify(it.default)}\``;

const rowsOf = (it: Structural, path: string): string[][] =>
  Object.entries(it.properties ?? {}).flatMap(([name, property]) => {
    const here = `${path}${name}`;
    const items =
      property.items?.type === "object" && property.items.properties !== undefined
        ? rowsOf(property.items, `${here}[].`)
        : [];
    return [
      [`\`${here}\``, typeOf(property) + boundsOf(property), defaultOf(property), property.description ?? ""],
      ...rowsOf(property, `${here}.`),
      ...items,
    ];
  });

/** Defaults that depend on other fields: `withDefaults`. */
const DEPENDENT = [
  ["`gateway.replicas`", "2 where `gateway.autoscaling` is absent"],
  ["`gateway.reservedEvents`", "true without `gateway.app`, false with it"],
  ...Object.entries(DEFAULT_SOCKET_OPTIONS).map(([name, value]) => [
    `\`gateway.options.${name}\``,
    `\`${JSON.stringify(value)}\` without \`gateway.app\`; with it the app's own \`options\`, and then socket.io's`,
  ]),
  ...Object.entries(DEFAULT_LIMITS).map(([name, value]) => [
    `\`gateway.limits.${name}\``,
    `\`${value}\` without \`gateway.app\`, no limit with it`,
  ]),
  ["`store.type`", "`adapter.type` where that is redis or mongo, else `hub`"],
  ["`servers.<type>`", "`managed: {}` for what `adapter`, `broker` and `store` name"],
  ["`workers[].replicas`", "1 where `workers[].autoscaling` is absent"],
  ["`workers[].handlers`", "`./handlers/<name>.ts`"],
];

/** docs/reference/resource.md */
export const resourceReference = (): string => {
  const rules = RULES.map(({ at, message }) => [`\`spec${at === "" ? "" : `.${at}`}\``, message]);
  return [
    "# RealtimeCluster, `realtimecluster.dev/v1alpha1`\n",
    "Every field of `spec` with its default. Where no default stands, the field's absence means something and is said beside it.\n",
    table(["field", "type", "default", ""], rowsOf(structuralSchema(spec, []), "")),
    "\n## Defaults that depend on other fields\n",
    table(["field", "default"], DEPENDENT),
    "\n## Rules\n",
    "Unknown fields are refused by `realtime validate`, `realtime up` and kubectl's field validation (the API server itself prunes them).\n",
    table(["where", "refused with"], rules),
    "\n## Status\n",
    "Written by the operator on Kubernetes. `kubectl wait --for=condition=Ready` is true once this generation serves.\n",
    table(["field", "type", "default", ""], rowsOf(status, "status.")),
  ].join("\n");
};
