/** An answer of the API or the control port, read. */
export interface Answer {
  status: number;
  body: unknown;
}

export interface Call {
  key?: string | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string;
  headers?: Record<string, string>;
}

/** Sends `POST /path` and the like to `port` of this machine. */
export const call = async (port: number, what: string, { key, body, raw, headers }: Call = {}): Promise<Answer> => {
  const [method = "", path = ""] = what.split(" ");
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(sent !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(sent !== undefined && { body: sent }),
  });
  return { status: response.status, body: await response.json() };
};
