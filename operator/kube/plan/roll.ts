/** A gateway Deployment as it is. */
export interface Revision {
  hash: string;
  replicas: number;
  ready: number;
}

export interface Roll {
  /** Those that go on existing, with their counts. */
  revisions: { hash: string; replicas: number }[];
  /** The one that takes new clients. */
  selected: string;
  removed: string[];
}

const mostReady = (revisions: readonly Revision[]): Revision | undefined =>
  revisions.filter(({ ready }) => ready > 0).toSorted((a, b) => b.ready - a.ready)[0];

/**
 * The next step of the gateways' roll: the wanted revision comes up beside the one that is `selected` by the Service now, takes over once all
 * of it is ready (or any of it, where nothing of the other is), and the other goes, all of it, when the Service has been seen to be switched: its
 * gateways then take no clients any more, and between them keep the cluster's pace themselves. A revision that was overtaken on its way goes at once. Once the wanted one is selected it stays so, whatever becomes of it.
 * A count that follows the load is that of the serving one, too, where it is higher: until it is taken over it alone bears the load.
 */
export const roll = ({
  revisions,
  selected,
  wanted,
}: {
  revisions: readonly Revision[];
  selected: string | undefined;
  wanted: { hash: string; count: number; followsLoad?: boolean };
}): Roll => {
  const old = revisions.filter(({ hash }) => hash !== wanted.hash);
  const ready = revisions.find(({ hash }) => hash === wanted.hash)?.ready ?? 0;
  const serving = selected === wanted.hash ? undefined : (old.find(({ hash }) => hash === selected) ?? mostReady(old));
  const isTakenOver = serving === undefined || ready >= wanted.count || (serving.ready === 0 && ready > 0);
  const next = isTakenOver ? wanted.hash : serving.hash;
  const least = !isTakenOver && wanted.followsLoad === true && serving.ready > 0 ? wanted.count : 0;
  const isServing = ({ hash }: Revision) => hash === next || hash === selected;
  return {
    revisions: [
      { hash: wanted.hash, replicas: wanted.count },
      ...old.filter(isServing).map(({ hash, replicas }) => ({
        hash,
        replicas: hash === next ? Math.max(replicas, least) : replicas,
      })),
    ],
    selected: next,
    removed: old.filter((it) => !isServing(it)).map(({ hash }) => hash),
  };
};
