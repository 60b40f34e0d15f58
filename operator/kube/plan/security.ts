import type { Settings } from "./model.ts";

type Parts = { securityContext: Record<string, unknown> };

/** A pod's share of what Pod Security's `restricted` asks for; volumes belong to `user`, a numeric id, where the platform does not choose one itself. */
export const podSecurity = ({ securityContext }: Settings, user: number): Parts => ({
  securityContext: {
    runAsNonRoot: true,
    ...(securityContext === "none"
      ? {}
      : { runAsUser: user, runAsGroup: user, fsGroup: user, fsGroupChangePolicy: "OnRootMismatch" }),
    seccompProfile: { type: "RuntimeDefault" },
  },
});

/** A container's share of it. */
export const containerSecurity = (): Parts => ({
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  },
});
