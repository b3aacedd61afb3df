/** Entry of the engine process: loads one package and answers the server's calls until it is let go. */

import { systemClock } from "../../core/clock.ts";
import { toStreamError } from "../../core/errors.ts";
import { as, type BitsPerSecond } from "../../core/units.ts";
import { openEncoder } from "../../media/codecs/open.ts";
import { openModel } from "../../models/model.ts";
import { loadPackage } from "../../models/package.ts";
import type { VideoFormat } from "./encoders.ts";
import type { CallMessage, EngineMessage, StartMessage } from "./messages.ts";
import { SessionTable } from "./session-table.ts";
import { Turns } from "./turns.ts";

const send = (message: EngineMessage): void => {
  // A message that cannot be sent has no receiver any more; `disconnect` ends the process.
  process.send?.(message, undefined, undefined, () => undefined);
};

async function start({ packagePath, provider, intraOpThreads }: StartMessage) {
  const modelPackage = await loadPackage(packagePath);
  const options = { provider, ...(intraOpThreads !== undefined && { intraOpThreads }) };
  const [model] = await Promise.all([
    openModel(modelPackage, options, systemClock),
    warmUpEncoders(modelPackage.manifest.lanes.video),
  ]);
  return new SessionTable({ model, openEncoder, clock: systemClock, compute: new Turns() });
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

async function answer(table: SessionTable, { id, call }: CallMessage): Promise<void> {
  try {
    send({ type: "answer", id, answer: await table.answer(call) });
  } catch (cause) {
    const error = toStreamError(cause, "inference_failed", "end-session").serialise();
    send({ type: "refusal", id, error });
  }
}

async function run(message: StartMessage): Promise<void> {
  try {
    const table = await start(message);
    process.on("message", (call: CallMessage) => void answer(table, call));
    send({ type: "ready", facts: table.facts });
  } catch (cause) {
    const error = toStreamError(cause, "internal", "refuse").serialise();
    send({ type: "failed", error });
  }
}

// The server decides when its engines end: an interrupt at the terminal reaches the whole process group.
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => process.exit(0));
process.on("disconnect", () => process.exit(0));
process.once("message", (message: StartMessage) => void run(message));
