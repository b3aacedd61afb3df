/** Between what becomes of what is said and the protocol's words for it. */

import type { ServerEvent } from "../../protocol/events.ts";
import type { SessionEvent, SpeechEvent } from "../../stream/events.ts";
import type { Utterance } from "../../stream/speech/utterance.ts";

/** What becomes of what is said, and of what waited. */
type Told = SpeechEvent | Extract<SessionEvent, { type: "output-cleared" }>;

/** Whether `event` tells what became of what was said. */
export const isSpeechEvent = (event: SessionEvent): event is Told =>
  event.type === "output-cleared" ||
  event.type === "speech-started" ||
  event.type === "speech-finished" ||
  event.type === "speech-failed";

/** What everybody is told when their session says `event`. */
export function speechMessage(event: Told): ServerEvent {
  switch (event.type) {
    case "output-cleared": {
      const { eventIds: event_ids, at } = event;
      return { type: "output.cleared", event_ids, block: at.block, pts: at.pts };
    }
    case "speech-started":
      return { type: "speech.started", ...named(event.utterance), pts: event.at };
    case "speech-finished": {
      const { utterance, at, played, interrupted } = event;
      const played_ms = Math.round(played);
      return { type: "speech.finished", ...named(utterance), pts: at, played_ms, interrupted };
    }
    case "speech-failed": {
      // Everybody hears it, so whose it was is a detail.
      const { detail, ...said } = event.error.serialise();
      return {
        type: "error",
        error: { ...said, detail: { ...detail, ...named(event.utterance) } },
      };
    }
  }
}

const named = ({ id, source, eventId }: Utterance) => ({
  utterance: id,
  source,
  ...(eventId !== undefined && { event_id: eventId }),
});
