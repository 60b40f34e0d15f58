import { createOutbox } from "./outbox.js";
import { createView } from "./view.js";
import { createWorkers } from "./workers.js";

const CHANNEL = "lobby";
const LOAD_JOBS = 300;
const TOKEN = "session.token";
const USER = "session.user";
const BAD_TOKEN = new Set(["unauthorized", "token_expired", "token_revoked"]);

/** The one who has shown this token before is who he was. */
const socket = window.io({
  auth: (give) => give({ token: sessionStorage.getItem(TOKEN) ?? undefined }),
});

let me = sessionStorage.getItem(USER) ?? undefined;
const newId = () =>
  crypto.randomUUID === undefined ? `${Date.now()}-${Math.random().toString(36).slice(2)}` : crypto.randomUUID();
const view = createView({ onCancel: (id) => socket.emit("job:cancel", { id }, () => {}) });

const workers = createWorkers("load", (list) => view.workers(list));

const outbox = createOutbox(socket, {
  onTaken: (id, { event, payload }) => {
    if (event === "chat:message") view.message({ id, user: me, text: payload.text, at: Date.now() });
    else if (event === "chat:slow") view.progress({ id, user: me, progress: 0 });
  },
  onRefused: (id, { event }, error) => {
    if (event === "chat:message") view.messageFailed(id, error);
    view.notice(error.message);
  },
});

const ask = (event, payload, answer = () => {}) =>
  socket.emit(event, payload, (ack) => (ack.ok ? answer(ack) : view.notice(`${event}: ${ack.error.message}`)));

socket.on("connect", () => {
  view.connection("connected", "Connected");
  view.notice("");
  ask("subscribe", { channel: CHANNEL }, () =>
    ask("presence", { channel: CHANNEL, watch: true }, ({ users }) => view.people(users)),
  );
  ask("subscribe", { channel: "jobs:chat" });
  ask("subscribe", { channel: "jobs:load" });
  ask("subscribe", { channel: "cluster" });
});
socket.on("disconnect", () => view.connection("connecting", "Connection lost. Connecting again…"));
socket.on("connect_error", (error) => {
  if (socket.active) return view.connection("connecting", "Connecting…");
  if (BAD_TOKEN.has(error.data?.code) && sessionStorage.getItem(TOKEN) !== null) {
    sessionStorage.removeItem(TOKEN);
    sessionStorage.removeItem(USER);
    return socket.connect();
  }
  view.connection("refused", error.message);
});

socket.on("session", ({ user, token }) => {
  if (token !== undefined) sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(USER, user);
  me = user;
  view.me(user);
});
if (me !== undefined) view.me(me);

socket.on("chat:message", (message) => view.message(message));
socket.on("chat:progress", (job) => {
  view.progress(job);
  if (job.progress >= 100) view.over(job.user, job.id);
});
socket.on("presence:join", ({ channel, user }) => channel === CHANNEL && view.joined(user));
socket.on("presence:leave", ({ channel, user }) => channel === CHANNEL && view.left(user));
socket.on("job:done", ({ id }) => view.over(me, id));
socket.on("job:failed", ({ id, error }) => {
  view.over(me, id);
  view.messageFailed(id, error);
  view.notice(error.message);
});
socket.on("refused", ({ error }) => view.notice(error?.message ?? "Refused"));
socket.on("jobs", (picture) => {
  if (picture.pool === "load") return view.load(picture);
  view.jobs(picture);
  for (const { user, id, state } of picture.finished ?? []) if (state !== "done") view.over(user, id);
});
socket.on("cluster", (event) => {
  view.cluster(event);
  workers.heard(event);
});

document.getElementById("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = document.getElementById("text");
  const text = input.value.trim();
  if (text === "" || me === undefined) return;
  const id = newId();
  view.message({ id, user: me, text, at: Date.now() }, "pending");
  outbox.put("chat:message", { channel: CHANNEL, text }, id);
  input.value = "";
});

const seconds = document.getElementById("seconds");
seconds.addEventListener("input", () => {
  document.getElementById("seconds-shown").textContent = seconds.value;
});
document.getElementById("slow").addEventListener("submit", (event) => {
  event.preventDefault();
  view.notice("");
  outbox.put("chat:slow", { channel: CHANNEL, seconds: Number(seconds.value) }, newId());
});

document.getElementById("load").addEventListener("click", () => {
  view.notice("");
  for (let i = 0; i < LOAD_JOBS; i++) outbox.put("load:work", { ms: 200 + Math.round(600 * Math.random()) }, newId());
});
