import type { Session } from "../web/index.ts";
import type { Deck, SoundState } from "./deck.ts";

const stateOf = ({ audio, parameters }: Session): SoundState => {
  if (parameters.sound === "none") return "none";
  if (audio.locked) return "locked";
  return audio.muted || audio.volume === 0 ? "muted" : "on";
};

/** Let the deck's button show and switch the session's sound; returns what a press does. */
export function driveSound(session: Session, deck: Deck): () => void {
  const show = () => {
    deck.showSound(stateOf(session));
  };
  session.on("audio", show);
  session.on("parameters", show);
  show();
  return () => {
    const { audio } = session;
    if (audio.locked) audio.unlock();
    else audio.muted = !audio.muted;
  };
}
