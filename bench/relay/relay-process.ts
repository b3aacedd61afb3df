/** Entry of the relay's process. */

import { answerWith } from "../webrtc/child.ts";
import { generator } from "../webrtc/test-pictures.ts";
import { Leg } from "./leg.ts";
import type { RelayQuestions } from "./relay.ts";

const legs = new Map<number, Leg>();
let next = 1;

answerWith<RelayQuestions>({
  open: async ({ seed }) => {
    const id = next++;
    const leg = await Leg.open(generator(seed));
    legs.set(id, leg);
    return { id, front: leg.front, back: leg.back };
  },
  server: ({ id, server }) => {
    const leg = legs.get(id);
    if (leg !== undefined) leg.server = server;
    return null;
  },
  weather: ({ id, weather }) => {
    const leg = legs.get(id);
    if (leg !== undefined) leg.weather = weather;
    return null;
  },
  close: ({ id }) => {
    legs.get(id)?.close();
    legs.delete(id);
    return null;
  },
});
