import { REFUSED, REFUSED_LATER } from "../resource/refusals.ts";
import { table } from "./table.ts";

type Refusal = (typeof REFUSED)[number];

const rows = (refusals: readonly Refusal[]): string[][] =>
  refusals.map(({ title, spec, path, message }) => [title, `\`${JSON.stringify(spec)}\``, `\`${path}\``, message]);

const HEAD = ["", "spec", "field", "message"];

/** docs/invalid-resources.md */
export const refusalReference = (): string =>
  [
    "# Resources that are refused\n",
    "`realtime validate` and `realtime up` find all of these before anything runs, each with its line in the file. On Kubernetes the first table is refused by the API server, so that nothing is stored:\n",
    "```",
    'The RealtimeCluster "chat" is invalid: spec.gateway: Invalid value: replicas and autoscaling exclude each other: remove one',
    "```\n",
    "The exact words around field and message depend on the version of Kubernetes; both are tested against a real API server, in `crds/schema/manifest.cluster.test.ts`.\n",
    table(HEAD, rows(REFUSED)),
    "\nBesides:\n",
    table(
      ["", "message"],
      [
        [
          "A name of more than 30 characters, or that is no DNS label",
          "metadata.name: at most 30 lower-case letters, digits and '-', beginning with a letter, so that the children's names fit",
        ],
        ["No `spec` (an empty one is fine: `spec: {}`)", "spec: Required value"],
        [
          "A field that does not exist",
          'unknown field "spec.gatway" (kubectl; the API server itself warns or prunes, as the client asks)',
        ],
        ["Two pools of one name", 'spec.workers[1]: Duplicate value: {"name":"chat"}'],
        [
          "A value of another type, or out of its bounds",
          "Kubernetes' own words, with the field: [reference/resource.md](reference/resource.md) has the bounds",
        ],
      ],
    ),
    "\n## Taken, and answered with a condition\n",
    "What no schema can see is stored, changes nothing of what runs, and makes `Ready` False and `Stalled` True with the reason `InvalidSpec`; the message names every field:\n",
    table(HEAD, rows(REFUSED_LATER)),
    "\nThe same goes for a `spec.version` of another series than the operator's and for what cannot be found out before it is tried: an image that cannot be pulled, a Secret that is missing, a `podTemplate` that the API server refuses. Those conditions carry Kubernetes' own last words.\n",
  ].join("\n");
