import { z } from "zod";
import type { KubeObject } from "./object.ts";

const leaseObject = z.looseObject({
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      leaseTransitions: z.number().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
    })
    .nullish(),
});

/** What a Lease says. Its times are the holder's own, and compared with nothing. */
export interface LeaseRecord {
  /** "" where nobody holds it. */
  holder: string;
  durationSeconds: number | undefined;
  transitions: number;
  acquireTime: string | undefined;
  renewTime: string | undefined;
}

export const recordOf = (lease: KubeObject): LeaseRecord => {
  const spec = leaseObject.parse(lease).spec ?? {};
  return {
    holder: spec.holderIdentity ?? "",
    durationSeconds: spec.leaseDurationSeconds ?? undefined,
    transitions: spec.leaseTransitions ?? 0,
    acquireTime: spec.acquireTime ?? undefined,
    renewTime: spec.renewTime ?? undefined,
  };
};

/** A moment (ms since 1970) as Kubernetes' MicroTime. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace("Z", "000Z");

/** The spec by which `identity` holds the lease after `before`: a renewal where it held it already, else a transition. */
export const heldBy = (
  identity: string,
  before: LeaseRecord | undefined,
  { today, durationMs }: { today: number; durationMs: number },
): object => {
  const now = microTime(today);
  const isRenewal = before?.holder === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    leaseTransitions: before === undefined ? 0 : before.transitions + (isRenewal ? 0 : 1),
    acquireTime: isRenewal ? (before.acquireTime ?? now) : now,
    renewTime: now,
  };
};

/** The spec that lets another take the lease at once, as client-go writes it. */
export const released = (today: number): object => ({
  holderIdentity: "",
  leaseDurationSeconds: 1,
  acquireTime: microTime(today),
  renewTime: microTime(today),
});

/** A record, and since when (by our own clock) it has been so. */
export interface Observed {
  record: LeaseRecord;
  since: number;
}

/** The observation after reading `record` at `now`: a record that changed was renewed then, at the latest. */
export const observed = (before: Observed | undefined, record: LeaseRecord, now: number): Observed =>
  before !== undefined && JSON.stringify(before.record) === JSON.stringify(record) ? before : { record, since: now };

/** When `identity` may take the lease, by our own clock; -Infinity: at once. */
export const freeAt = ({ record, since }: Observed, identity: string, durationMs: number): number => {
  if (record.holder === "" || record.holder === identity) return -Infinity;
  return since + (record.durationSeconds === undefined ? durationMs : record.durationSeconds * 1000);
};
