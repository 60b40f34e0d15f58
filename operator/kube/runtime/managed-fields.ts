import { z } from "zod";
import type { KubeObject } from "./object.ts";

const entries = z.array(
  z.looseObject({
    manager: z.string().optional(),
    operation: z.string().optional(),
    subresource: z.string().optional(),
  }),
);

/**
 * The object's `managedFields` with what `manager` created turned into what it applies; undefined where nothing is to be changed. A create
 * is booked as an update, beside which a later apply owns the same fields once more: so it could never remove one.
 */
export const createdAsApplied = ({ metadata }: KubeObject, manager: string): object[] | undefined => {
  const all = entries.parse(metadata["managedFields"] ?? []);
  const ours = all.filter((entry) => entry.manager === manager && entry.subresource === undefined);
  const created = ours.filter(({ operation }) => operation === "Update");
  if (created.length === 0) return undefined;
  if (ours.length > created.length) return all.filter((entry) => !created.includes(entry));
  const [first, ...others] = created;
  return all
    .filter((entry) => !others.includes(entry))
    .map((entry) => (entry === first ? { ...entry, operation: "Apply" } : entry));
};
