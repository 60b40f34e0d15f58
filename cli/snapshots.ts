import { snapshot, type Snapshot } from "#crds";

/** The snapshots of a control port's answer to `GET /signals`, as they come; none where it refuses. Throws where it is cut. */
export async function* snapshotsOf({ ok, body }: Response): AsyncGenerator<Snapshot> {
  if (!ok || body === null) return;
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield snapshot.parse(JSON.parse(line));
  }
}
