import { personOf } from "./names.js";

const byId = (id) => document.getElementById(id);
const time = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** An element with text, never markup: what people write stays what they wrote. */
const element = (tag, { text, children = [], ...attributes } = {}) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const face = (user) => {
  const { initials, hue } = personOf(user);
  const made = element("span", { class: "face", text: initials, "aria-hidden": "true" });
  made.style.setProperty("--hue", hue);
  return made;
};

/** What the page shows, kept by ids; who calls these decides when. */
export const createView = ({ onCancel }) => {
  let me;
  const messages = new Map();
  const people = new Set();
  const long = new Map();
  const told = new Set();

  const showPeople = () => {
    const sorted = [...people].sort(
      (a, b) => Number(b === me) - Number(a === me) || personOf(a).name.localeCompare(personOf(b).name),
    );
    byId("people").replaceChildren(
      ...sorted.map((user) => {
        const { name } = personOf(user);
        return element("li", {
          title: user,
          children: [face(user), element("span", { text: user === me ? `${name} (you)` : name })],
        });
      }),
    );
    byId("people-count").textContent = String(people.size);
  };

  const showMessage = ({ id, user, text, at }, state) => {
    byId("empty").hidden = true;
    const key = `${user}/${id}`;
    const known = messages.get(key);
    if (known !== undefined) {
      known.classList.remove("pending", "failed");
      if (state !== "") known.classList.add(state);
      known.querySelector("time").textContent = time(at);
      return;
    }
    const list = byId("messages");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    const who = element("span", {
      class: "who",
      children: [element("b", { text: personOf(user).name }), " ", element("time", { text: time(at) })],
    });
    const item = element("li", {
      class: ["message", user === me ? "mine" : "", state].filter(Boolean).join(" "),
      title: user,
      children: [face(user), who, element("span", { class: "said", text })],
    });
    messages.set(key, item);
    list.append(item);
    if (atEnd || user === me) list.scrollTop = list.scrollHeight;
  };

  const jobRow = ({ id, user, event, state, attempt, progress, worker, error }) => {
    const about = [
      personOf(user).name,
      worker?.replace(/-[0-9a-f]{8}$/, ""),
      attempt > 1 ? `attempt ${attempt}` : undefined,
      error?.message,
    ];
    const shown = state === "running" && typeof progress === "number" ? `${progress} %` : state;
    return element("li", {
      title: id,
      children: [
        element("span", { text: event }),
        element("span", { class: "state", "data-state": state, text: shown }),
        element("span", { class: "from", text: about.filter(Boolean).join(" · ") }),
      ],
    });
  };

  return {
    me: (user) => {
      me = user;
      byId("my-name").textContent = personOf(user).name;
      byId("my-name").title = user;
      byId("me").hidden = false;
      showPeople();
    },
    connection: (state, text) => {
      byId("connection").dataset.state = state;
      byId("connection").textContent = text;
    },
    message: (message, state = "") => showMessage(message, state),
    messageFailed: (id, error) => {
      const item = messages.get(`${me}/${id}`);
      item?.classList.replace("pending", "failed");
      if (item !== undefined) item.title = error.message;
    },
    people: (users) => {
      people.clear();
      for (const user of users) people.add(user);
      showPeople();
    },
    joined: (user) => {
      people.add(user);
      showPeople();
    },
    left: (user) => {
      people.delete(user);
      showPeople();
    },
    notice: (text) => {
      byId("notice").textContent = text;
    },
    progress: ({ id, user, progress }) => {
      const key = `${user}/${id}`;
      let item = long.get(key);
      if (item === undefined) {
        const name = user === me ? "Your job" : `${personOf(user).name}’s job`;
        const bar = element("progress", { max: "100", "aria-label": name });
        const cancel = element("button", {
          type: "button",
          class: "quiet",
          text: "cancel",
          "aria-label": `Cancel ${name}`,
        });
        cancel.hidden = user !== me;
        cancel.addEventListener("click", () => onCancel(id));
        item = element("li", { "data-id": id, children: [element("span", { text: name }), cancel, bar] });
        long.set(key, item);
        byId("long").append(item);
      }
      item.querySelector("progress").value = progress;
      if (progress >= 100) item.querySelector("button").hidden = true;
    },
    /** A long job that is over stays for a moment. */
    over: (user, id) => {
      const key = `${user}/${id}`;
      const item = long.get(key);
      long.delete(key);
      if (item !== undefined) setTimeout(() => item.remove(), 1500);
    },
    jobs: ({ waiting, queued, running, finished, unavailable }) => {
      byId("waiting").textContent = unavailable ? "?" : String(waiting);
      byId("running").textContent = unavailable ? "?" : String(running.length);
      if (!unavailable)
        byId("jobs").replaceChildren(...[...running, ...queued.slice(0, 6), ...finished.slice(0, 4)].map(jobRow));
    },
    load: ({ waiting, running, unavailable }) => {
      byId("load-waiting").textContent = unavailable ? "?" : String(waiting);
      byId("load-running").textContent = unavailable ? "?" : String(running.length);
    },
    workers: (workers) => {
      byId("load-workers").textContent = String(workers.filter(({ state }) => state === "ready").length);
      byId("workers").replaceChildren(
        ...workers.map(({ instance, state }) =>
          element("li", { title: state, "data-state": state, text: instance.replace(/^.*-load-/, "") }),
        ),
      );
    },
    /** After a reconnect the last ones are told again. */
    cluster: ({ at, instance, what, message }) => {
      const key = JSON.stringify([at, instance, what]);
      if (told.has(key)) return;
      told.add(key);
      byId("quiet").hidden = true;
      const list = byId("cluster");
      const text = [instance, what, message === undefined ? undefined : `(${message})`].filter(Boolean).join(" ");
      list.prepend(
        element("li", {
          children: [element("time", { text: time(at) }), element("span", { class: "what", "data-what": what, text })],
        }),
      );
      while (list.children.length > 50) list.lastElementChild.remove();
    },
  };
};
