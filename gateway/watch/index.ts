export { openClusterFeed, type ClusterFeed, type ClusterFeedOptions } from "./cluster-feed.ts";
export { openJobsFeed, type Emits, type JobsFeed, type JobsFeedOptions } from "./jobs-feed.ts";
export { jobViewOf } from "./jobs-picture.ts";
