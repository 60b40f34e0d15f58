import type { Problem, Release } from "./model.ts";

/** `1.4` of `1.4.2`: what one renderer of templates serves. */
const seriesOf = (version: string): string => version.split(".").slice(0, 2).join(".");

export interface Releases {
  /** The operator's build: it renders its own series. With the second there will be two. */
  own: string;
  /** What new clusters get. */
  forNew: string;
  /** Of images, without a tag. */
  repository: string;
}

/** The one choice of a cluster's release: what its resource says, else what it runs already, else what new ones get. */
export const releaseOf = (
  { asked, running }: { asked: string | undefined; running: string | undefined },
  { own, forNew, repository }: Releases,
): { release: Release; problems: Problem[] } => {
  const version = asked ?? running ?? forNew;
  return {
    release: { version, image: `${repository}:${version}` },
    problems:
      seriesOf(version) === seriesOf(own)
        ? []
        : [
            {
              path: "spec.version",
              message: `${version} is not of the series ${seriesOf(own)} that this operator runs: set ${own}, or install the operator of ${seriesOf(version)}`,
            },
          ],
  };
};
