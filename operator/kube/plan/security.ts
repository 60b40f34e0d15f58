import type { Settings } from "./model.ts";

type Parts = { securityContext?: Record<string, unknown> };

/** A pod's share of what Pod Security's `restricted` asks for; volumes belong to `user`, a numeric id. */
export const podSecurity = ({ securityContext }: Settings, user: number): Parts =>
  securityContext === "none"
    ? {}
    : {
        securityContext: {
          runAsNonRoot: true,
          runAsUser: user,
          runAsGroup: user,
          fsGroup: user,
          fsGroupChangePolicy: "OnRootMismatch",
          seccompProfile: { type: "RuntimeDefault" },
        },
      };

/** A container's share of it. */
export const containerSecurity = ({ securityContext }: Settings): Parts =>
  securityContext === "none"
    ? {}
    : {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
      };
