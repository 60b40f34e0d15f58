import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from "yaml";
import { z } from "zod";

/** An option of the chart as its values file tells of it. */
export interface Option {
  /** `metrics.rules.enabled` */
  path: string;
  /** The comment above it. */
  text: string;
  default: unknown;
}

const schema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  get properties() {
    return z.record(z.string(), schema).optional();
  },
});
type Schema = z.infer<typeof schema>;

const commentOf = (map: YAMLMap, pair: Pair, position: number): string => {
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined;
  // The comment above a map's first key is the map's; what an empty line parts from it is about the file.
  const text = own ?? (position === 0 ? map.commentBefore : undefined) ?? "";
  return (text.split(/\n\s*\n/).at(-1) ?? "").trim();
};

/** All options of a values file in its order: whatever has a comment, or is no map. A map without one is told by its keys. */
export const optionsOf = (values: string): Option[] => {
  const document = parseDocument(values);
  const walk = (map: YAMLMap, at: string): Option[] =>
    map.items.flatMap((pair, position) => {
      const path = `${at}${String(pair.key)}`;
      const text = commentOf(map, pair, position);
      if (isMap(pair.value) && text === "") return walk(pair.value, `${path}.`);
      const value: unknown =
        isMap(pair.value) || isScalar(pair.value) ? pair.value.toJS(document) : document.getIn(path.split("."));
      return [{ path, text, default: toPlain(value) }];
    });
  if (!isMap(document.contents)) throw new Error("the values are not a map");
  return walk(document.contents, "");
};

const toPlain = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "toJSON" in value && typeof value.toJSON === "function"
    ? value.toJSON()
    : value;

/** What the schema of the values says of the option at `path`; undefined where it does not know it. */
export const schemaAt = (text: string, path: string): Schema | undefined =>
  path.split(".").reduce<Schema | undefined>((at, key) => at?.properties?.[key], schema.parse(JSON.parse(text)));

/** The paths of everything in the schema of the values that is told without going deeper. */
export const schemaLeaves = (text: string): string[] => {
  const walk = ({ properties }: Schema, at: string): string[] =>
    Object.entries(properties ?? {}).flatMap(([key, it]) =>
      it.properties === undefined ? [`${at}${key}`] : walk(it, `${at}${key}.`),
    );
  return walk(schema.parse(JSON.parse(text)), "");
};
