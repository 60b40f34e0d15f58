import { cut, lastWords, sentence } from "./last-words.ts";
import type { PodEvent } from "./event.ts";
import { conditionOf, containersOf, readySince, type ContainerStatus, type Pod, type Terminated } from "./pod.ts";

/** What keeps a pod from serving. */
export interface Ailment {
  /** One CamelCase word. */
  reason:
    | "ImageCannotBePulled"
    | "SecretMissing"
    | "KeyMissing"
    | "ConfigMapMissing"
    | "CannotBeCreated"
    | "Crashing"
    | "OutOfMemory"
    | "Unschedulable"
    | "VolumeMissing"
    | "NotReady"
    | "NodeLost";
  /** A part of a sentence: what is so, in Kubernetes' or the pod's own words. */
  message: string;
  /** ms since the epoch. */
  since: number;
  /** It had been ready, in the life that ended. */
  wasReady: boolean;
  /** It does not run; else it does, and is not ready yet. */
  isDown: boolean;
}

/** A new pod may wait so long for a node or a volume before that counts. */
export const PATIENCE_MS = 5_000;
/** A container that came back and has not run so long counts as what it was before. */
const STEADY_MS = 10_000;
/** A pod that runs and is not ready says why after so long. */
const SLOW_MS = 20_000;

const IMAGE = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);
const COMING = new Set(["ContainerCreating", "PodInitializing", "CrashLoopBackOff"]);

const SIGNALS: Record<number, string> = { 134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM" };

/** What was wrong, without the steps that led to it. */
const imageMessage = (image: string, message: string): string => {
  const told = sentence(
    message
      .replace(/^Back-off pulling image "[^"]*"(?:: ErrImagePull)?:?\s*/, "")
      .replace(
        /(?:failed to (?:pull and unpack image|resolve (?:reference|image)|copy)|(?:rpc error: code = \w+ desc)) ?(?:"[^"]*")?[:=] */g,
        "",
      ),
  );
  return told === "" ? `the image ${image} cannot be pulled` : cut(`the image ${image} cannot be pulled: ${told}`);
};

const configMessage = (message: string): Pick<Ailment, "reason" | "message"> => {
  const missing = /(secret|configmap) "([^"]+)" not found/i.exec(message);
  if (missing?.[1]?.toLowerCase() === "secret")
    return { reason: "SecretMissing", message: `the Secret ${missing[2]} does not exist` };
  if (missing) return { reason: "ConfigMapMissing", message: `the ConfigMap ${missing[2]} does not exist` };
  const key = /couldn't find key (\S+) in (Secret|ConfigMap) (?:[^/\s]+\/)?(\S+)/.exec(message);
  if (key) return { reason: "KeyMissing", message: `the ${key[2]} ${key[3]} has no key ${key[1]}` };
  return { reason: "CannotBeCreated", message: sentence(message) };
};

/** `failed to create …: runc create failed: unable to start container process: exec: "x": not found: unknown`: its end tells. */
const runMessage = (message: string): string =>
  sentence(message.replace(/^.*unable to start container process: /, "").replace(/: unknown$/, ""));

const limitOf = (pod: Pod, name: string) =>
  [...pod.spec.initContainers, ...pod.spec.containers].find((it) => it.name === name)?.resources?.limits?.["memory"];

const deathOf = (pod: Pod, name: string, { exitCode, signal, reason, message }: Terminated) => {
  if (reason === "OOMKilled") {
    const limit = limitOf(pod, name);
    const told = limit === undefined ? "" : `, which is ${limit}`;
    return { reason: "OutOfMemory", message: `it used more memory than its limit${told}, and was killed` } as const;
  }
  if (reason === "StartError" || reason === "ContainerCannotRun")
    return { reason: "CannotBeCreated", message: runMessage(message ?? "it cannot be started") } as const;
  const words = exitCode === 0 ? undefined : lastWords(message);
  const by = SIGNALS[exitCode] ?? (signal === undefined ? undefined : `signal ${signal}`);
  const how = by === undefined ? `it ended with exit code ${exitCode}` : `it was ended by ${by}`;
  return { reason: "Crashing", message: words ?? how } as const;
};

/** Whether a life that ended had been ready: the pod turned unready as it ended, not before it began. */
const hadBeenReady = (pod: Pod, { startedAt, finishedAt }: Terminated): boolean => {
  const ready = conditionOf(pod, "Ready");
  if (startedAt === undefined || startedAt === 0) return false;
  if (ready?.lastTransitionTime === undefined) return false;
  if (ready.status === "True") return ready.lastTransitionTime <= (finishedAt ?? startedAt);
  return ready.lastTransitionTime > startedAt && ready.lastTransitionTime >= (finishedAt ?? startedAt);
};

type Found = Pick<Ailment, "reason" | "message" | "isDown"> & Partial<Pick<Ailment, "since" | "wasReady">>;

const containerAilment = (pod: Pod, status: ContainerStatus, now: number): Found | undefined => {
  const { waiting, running, terminated } = status.state;
  const last = terminated ?? status.lastState.terminated;
  const dead = (it: Terminated): Found => ({
    ...deathOf(pod, status.name, it),
    isDown: true,
    wasReady: hadBeenReady(pod, it),
    ...(it.finishedAt === undefined ? {} : { since: it.finishedAt }),
  });
  if (waiting !== undefined) {
    const { reason = "", message = "" } = waiting;
    const image = pod.spec.containers.concat(pod.spec.initContainers).find(({ name }) => name === status.name)?.image;
    if (IMAGE.has(reason))
      return {
        reason: "ImageCannotBePulled",
        message: imageMessage(image ?? status.image ?? "", message),
        isDown: true,
      };
    if (reason === "CreateContainerConfigError") return { ...configMessage(message), isDown: true };
    if (reason === "RunContainerError")
      return { reason: "CannotBeCreated", message: runMessage(message), isDown: true };
    if (last !== undefined && (reason === "CrashLoopBackOff" || reason === "")) return dead(last);
    if (!COMING.has(reason) && reason !== "")
      return { reason: "CannotBeCreated", message: sentence(message === "" ? reason : message), isDown: true };
    return undefined;
  }
  if (terminated !== undefined) {
    const isInit = pod.status.initContainerStatuses.includes(status);
    return isInit && terminated.exitCode === 0 ? undefined : dead(terminated);
  }
  if (running !== undefined && last !== undefined && !status.ready) {
    const isSteady = now - (running.startedAt ?? now) >= STEADY_MS;
    return { ...dead(last), isDown: !isSteady };
  }
  return undefined;
};

const EVENTS = new Set(["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"]);

const mountMessage = (pod: Pod, message: string): Pick<Ailment, "reason" | "message"> => {
  const key = /references non-existent (secret|config) key: (\S+)/.exec(message);
  if (key === null) {
    const told = configMessage(message.replace(/^MountVolume\.SetUp failed for volume "[^"]*" : /, ""));
    return told.reason === "CannotBeCreated" ? { ...told, reason: "VolumeMissing" } : told;
  }
  const name = /for volume "([^"]+)"/.exec(message)?.[1];
  const volume = pod.spec.volumes.find((it) => it.name === name);
  const secrets = [
    volume?.secret?.secretName,
    ...(volume?.projected?.sources ?? []).map((source) => source.secret?.name),
  ].filter((it) => it !== undefined);
  const whose = secrets.length === 1 ? `the Secret ${secrets[0]}` : `a ${key[1] === "config" ? "ConfigMap" : "Secret"}`;
  return { reason: "KeyMissing", message: `${whose} has no key ${key[2]}` };
};

const schedulingMessage = (message: string): string =>
  sentence(
    message
      .replace(/\s*(?:no new claims to deallocate,?|preemption: .*$)/g, "")
      .replace(/ not found\. not found$/, " not found")
      .replace(/\. not found$/, "")
      .replace(/[.,\s]+$/, ""),
  );

/** Without the pod's address, which is another each time. */
const probeMessage = (message: string): string => sentence(message.replaceAll(/\b(?:\d{1,3}\.){3}\d{1,3}:/g, ":"));

/** What keeps a pod from serving, by its status and what Events tell of it; undefined: nothing that is known, or it only just began. */
export const ailmentOf = (pod: Pod, now: number, events: readonly PodEvent[] = []): Ailment | undefined => {
  if (pod.stoppingSince !== undefined || readySince(pod) !== undefined) return undefined;
  const ready = conditionOf(pod, "Ready");
  const unready = { since: ready?.lastTransitionTime ?? pod.createdAt, wasReady: false };
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status === "False") {
    const since = scheduled.lastTransitionTime ?? pod.createdAt;
    if (now - since < PATIENCE_MS) return undefined;
    const message = `no node takes it: ${schedulingMessage(scheduled.message ?? scheduled.reason ?? "")}`;
    return { reason: "Unschedulable", message, since, wasReady: false, isDown: true };
  }
  const found = containersOf(pod).flatMap((status) => containerAilment(pod, status, now) ?? []);
  const [worst] = found.toSorted((a, b) => Number(b.isDown) - Number(a.isDown));
  if (worst !== undefined) return { ...unready, ...worst };
  const about = events.filter(({ uid }) => uid === pod.uid).toSorted((a, b) => b.at - a.at);
  const hasStarted = containersOf(pod).some(({ state }) => state.running !== undefined);
  const failed = hasStarted ? undefined : about.find(({ reason }) => EVENTS.has(reason));
  if (failed !== undefined)
    return { ...mountMessage(pod, failed.message), since: pod.createdAt, wasReady: false, isDown: true };
  const isRunning = pod.status.containerStatuses.length > 0 && pod.status.containerStatuses.every((it) => it.ready);
  if (
    isRunning &&
    ready?.status !== "True" &&
    ready?.reason !== "ReadinessGatesNotReady" &&
    now - unready.since >= PATIENCE_MS
  )
    return {
      ...unready,
      reason: "NodeLost",
      message: `its node ${pod.spec.nodeName ?? ""} does not answer`,
      isDown: false,
    };
  if (!hasStarted || now - unready.since < SLOW_MS) return undefined;
  const probe = about.find(({ reason }) => reason === "Unhealthy");
  const told = probe === undefined ? "it runs and is not ready" : probeMessage(probe.message);
  return { ...unready, reason: "NotReady", message: told, isDown: false };
};
