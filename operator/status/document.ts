import type { ClusterStatus } from "./model.ts";
export const statusDocument = (status: ClusterStatus): object => status;
