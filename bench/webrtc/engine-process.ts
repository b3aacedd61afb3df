/** Entry of the engine process of a bench: the real sessions and encoders, with test pictures in the model's place. */

import { systemClock } from "../../src/core/clock.ts";
import { toStreamError } from "../../src/core/errors.ts";
import { openEncoder, openSoundEncoder } from "../../src/media/codecs/open.ts";
import type { CallMessage, EngineMessage, StartMessage } from "../../src/stream/engine/messages.ts";
import { SessionTable } from "../../src/stream/engine/session-table.ts";
import { Turns } from "../../src/stream/engine/turns.ts";
import { loadTestPackage, testModel } from "./test-model.ts";

process.on("disconnect", () => process.exit(0));
process.once("message", (message: StartMessage) => void serve(message));

async function serve({ packagePath }: StartMessage): Promise<void> {
  const table = new SessionTable({
    model: testModel(await loadTestPackage(packagePath)),
    openEncoder,
    openSoundEncoder,
    clock: systemClock,
    compute: new Turns(),
  });
  process.on("message", (message: CallMessage) => void answer(table, message).then(send));
  send({ type: "ready", facts: table.facts });
}

async function answer(table: SessionTable, { id, call }: CallMessage): Promise<EngineMessage> {
  try {
    return { type: "answer", id, answer: await table.answer(call) };
  } catch (cause) {
    return { type: "refusal", id, error: toStreamError(cause).serialise() };
  }
}

const send = (message: EngineMessage): void => {
  process.send?.(message, undefined, undefined, () => undefined);
};
