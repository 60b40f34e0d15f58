import type { Role } from "../../topology/model.ts";

/** What tells one revision's gateways from another's: the value of their label, and the end of their Deployment's name. */
export const revisionOf = ({ configHash }: Role): string => configHash.slice(0, 8);
