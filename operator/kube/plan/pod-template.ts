type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Lists whose items are known by a field, as a strategic merge knows them; all others are replaced. */
const KEYS: Record<string, readonly string[]> = {
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  imagePullSecrets: ["name"],
  resourceClaims: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  ports: ["containerPort", "name"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
};

/** Lists whose items are added to what is there. */
const APPENDED = new Set(["tolerations"]);

/** Lists whose items are one thing of several kinds: the user's takes the place of ours whole. */
const WHOLE = new Set(["env", "volumes"]);

/** Ways to do one thing, of which an object may have one. */
const EITHER = ["httpGet", "exec", "tcpSocket", "grpc", "sleep"];

const mergeLists = (name: string, base: readonly unknown[], over: readonly unknown[]): unknown[] => {
  if (APPENDED.has(name)) return [...base, ...over];
  const keys = KEYS[name];
  if (keys === undefined) return [...over];
  const result = [...base];
  for (const item of over) {
    const place = result.findIndex(
      (it) => isFields(it) && isFields(item) && keys.some((key) => item[key] !== undefined && it[key] === item[key]),
    );
    if (place === -1) result.push(item);
    else result[place] = WHOLE.has(name) ? item : mergeValue(name, result[place], item);
  }
  return result;
};

const mergeFields = (base: Fields, over: Fields): Fields => {
  const replaced = EITHER.some((key) => isFields(over[key])) ? EITHER.filter((key) => over[key] === undefined) : [];
  const result = Object.fromEntries(Object.entries(base).filter(([key]) => !replaced.includes(key)));
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete result[key];
    else result[key] = mergeValue(key, result[key], value);
  }
  return result;
};

const mergeValue = (name: string, base: unknown, over: unknown): unknown => {
  if (Array.isArray(over)) return mergeLists(name, Array.isArray(base) ? base : [], over);
  if (isFields(over)) return mergeFields(isFields(base) ? base : {}, over);
  return over;
};

/** What a user says of a pod, over what we say: objects by field, lists by name, `null` removes. What makes no sense is for the API server to refuse. */
export const mergePodTemplate = (base: Fields, over: Fields | undefined): Fields => mergeFields(base, over ?? {});
