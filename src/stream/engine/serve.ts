import { systemClock } from "../../core/clock.ts";
import { toStreamError } from "../../core/errors.ts";
import { as, type BitsPerSecond } from "../../core/units.ts";
import { openEncoder, openSoundEncoder } from "../../media/codecs/open.ts";
import { openModel } from "../../models/model.ts";
import { loadPackage } from "../../models/package.ts";
import type { VideoFormat } from "./encoders.ts";
import type { CallMessage, EngineMessage, StartMessage } from "./messages.ts";
import { SessionTable } from "./session-table.ts";
import { Turns } from "./turns.ts";

/** What an engine process is to the code that serves in it. */
export type EnginePort = Pick<NodeJS.Process, "send" | "on" | "once" | "exit">;

/**
 * Load the package that the first message names, and answer the server's calls until it lets go.
 *
 * Lifetime: the process's. It ends with its server, and by SIGTERM; an interrupt at the terminal reaches the
 * whole process group and is the server's to answer.
 */
export function serve(port: EnginePort): void {
  port.on("SIGINT", () => undefined);
  port.on("SIGTERM", () => port.exit(0));
  port.on("disconnect", () => port.exit(0));
  port.once("message", (message: StartMessage) => void run(message, port));
}

async function run(message: StartMessage, port: EnginePort): Promise<void> {
  // What cannot be sent has no receiver any more; `disconnect` ends the process.
  const send = (reply: EngineMessage) => port.send?.(reply, undefined, undefined, () => undefined);
  try {
    const table = await start(message);
    port.on("message", (call: CallMessage) => void answer(table, call).then(send));
    send({ type: "ready", facts: table.facts });
  } catch (cause) {
    send({ type: "failed", error: toStreamError(cause, "internal", "refuse").serialise() });
  }
}

async function start({ packagePath, provider, intraOpThreads }: StartMessage) {
  const modelPackage = await loadPackage(packagePath);
  const options = { provider, ...(intraOpThreads !== undefined && { intraOpThreads }) };
  const [model] = await Promise.all([
    openModel(modelPackage, options, systemClock),
    warmUpEncoders(modelPackage.manifest.lanes.video),
  ]);
  return new SessionTable({
    model,
    openEncoder,
    openSoundEncoder,
    clock: systemClock,
    compute: new Turns(),
  });
}

/** Load the codecs' libraries, so that the first session's first picture does not wait for them. */
async function warmUpEncoders({ width, height, frameRate }: VideoFormat): Promise<void> {
  const format = { width, height, frameRate, bitrate: as<BitsPerSecond>(1_000_000) };
  for (const codec of ["h264", "vp8"] as const) {
    // A codec that cannot be opened here is refused to the session that asks for it.
    await openEncoder({ ...format, codec }).then(
      (encoder) => encoder.close(),
      () => undefined,
    );
  }
}

async function answer(table: SessionTable, { id, call }: CallMessage): Promise<EngineMessage> {
  try {
    return { type: "answer", id, answer: await table.answer(call) };
  } catch (cause) {
    const error = toStreamError(cause, "inference_failed", "end-session").serialise();
    return { type: "refusal", id, error };
  }
}
