import { z } from "zod";
import { ApiError, type Client } from "./client.ts";
import { refOf, type KubeObject } from "./object.ts";

const TRIES = 3;

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

/** Books what `fieldManager` created as applied by it. Rejects with `ApiError` where the object is another by now. */
export const claimCreated = async (
  client: Pick<Client, "get" | "merge">,
  object: KubeObject,
  fieldManager: string,
): Promise<void> => {
  let current = object;
  for (let tries = 1; ; tries++) {
    const managedFields = createdAsApplied(current, fieldManager);
    if (managedFields === undefined) return;
    const { uid, resourceVersion } = current.metadata;
    try {
      await client.merge(refOf(object), { metadata: { managedFields, uid, resourceVersion } }, { fieldManager });
      return;
    } catch (error) {
      // Kubernetes' own controllers write the status of a new object every moment.
      if (!(error instanceof ApiError) || error.status !== 409 || tries === TRIES) throw error;
      const again = await client.get(refOf(object));
      if (again === undefined || again.metadata.uid !== uid) throw error;
      current = again;
    }
  }
};
