import { ApiError, type Client } from "./client.ts";
import { refOf, refText, type KubeObject, type Ref } from "./object.ts";
import { isControlledBy } from "./owner.ts";

export interface PruneInput {
  /** What there may be of ours, as the informers have it. */
  live: readonly KubeObject[];
  keep: readonly Ref[];
  ownerUid: string;
  /** False for what holds data. */
  mayDelete: (object: KubeObject) => boolean;
}

/** The objects that the owner controls, that nobody wants any more, that are not on their way out, and that may be deleted. */
export const toPrune = ({ live, keep, ownerUid, mayDelete }: PruneInput): KubeObject[] => {
  const kept = new Set(keep.map(refText));
  return live.filter(
    (object) =>
      isControlledBy(object, ownerUid) &&
      object.metadata.deletionTimestamp === undefined &&
      !kept.has(refText(refOf(object))) &&
      mayDelete(object),
  );
};

/** Deletes them, each only as long as it is the very object that was seen, and its dependents after it. What was deleted. */
export const prune = async ({
  client,
  ...input
}: PruneInput & { client: Pick<Client, "delete"> }): Promise<KubeObject[]> => {
  const deleted: KubeObject[] = [];
  for (const object of toPrune(input)) {
    const { uid } = object.metadata;
    if (uid === undefined) continue;
    try {
      await client.delete(refOf(object), { preconditions: { uid } });
      deleted.push(object);
    } catch (error) {
      // Deleted and made again meanwhile: the next pass sees what it is now.
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }
  return deleted;
};
