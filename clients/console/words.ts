/** Failures and states in human words: what happened, and what to do. */

import type { StreamError } from "../../src/core/errors.ts";
import { CLOSE } from "../../src/protocol/close-codes.ts";
import type { Quality, QualityLimit, TransportName } from "../web/index.ts";

/** A message for a person. */
export interface Notice {
  readonly title: string;
  readonly advice: string;
}

const BY_CODE: Readonly<Record<string, Notice>> = {
  server_unreachable: {
    title: "The server does not answer",
    advice: "Check that it is running and that this machine can reach it, then try again.",
  },
  session_limit: {
    title: "All seats are taken",
    advice: "The server makes as many streams as it can hold. Try again in a little while.",
  },
  rate_limited: {
    title: "Too many at once",
    advice: "The server asks for a short break. Try again in a minute.",
  },
  unknown_model: {
    title: "This model is not here",
    advice: "Go back and pick one that the server offers.",
  },
  unknown_start: {
    title: "This start is not here",
    advice: "Pick another start of the model.",
  },
  unknown_session: {
    title: "The session is gone",
    advice: "It was away for longer than the server keeps one. Start a new one.",
  },
  unauthorized: {
    title: "The server asks who you are",
    advice: "Open the page with the address the server printed when it started.",
  },
  no_face: {
    title: "No face to be seen",
    advice: "Bring a picture in which one face looks into the camera and fills most of it.",
  },
  bad_upload: {
    title: "This file cannot be used",
    advice: "Bring a PNG, JPEG or WebP picture that is whole.",
  },
  speech_unavailable: {
    title: "The server has no voice",
    advice: "Whoever runs it can install one: apt-get install espeak-ng.",
  },
  unsupported_codec: {
    title: "No common picture format",
    advice: "This browser and the server share no codec. Try a newer browser, or https.",
  },
  engine_lost: {
    title: "The model stopped",
    advice:
      "It could not be started again. Start a new session; the server's log says why it stopped.",
  },
  inference_failed: {
    title: "The model refused to run",
    advice: "Start again. If it stays, the model package and this server do not fit together.",
  },
  slow_consumer: {
    title: "The connection is too slow",
    advice: "Ask for a lower bitrate, or move closer to the server.",
  },
  state_conflict: {
    title: "Not right now",
    advice: "The session is busy with something else. Try once more.",
  },
};

/** A server that has nothing to play. */
export const NO_MODELS: Notice = {
  title: "There is no world here yet",
  advice: "Start the server with --models and a folder that holds a model package.",
};

/** An error of the server or the SDK, for a person. */
export const describeError = (error: StreamError): Notice =>
  BY_CODE[error.code] ?? { title: "Something went wrong", advice: `${error.message}.` };

const BY_CLOSE: Readonly<Record<number, Notice>> = {
  [CLOSE.done]: { title: "The session has ended", advice: "Start again whenever you like." },
  [CLOSE.sessionEnded]: {
    title: "The session has ended",
    advice: "Start again whenever you like.",
  },
  [CLOSE.idle]: {
    title: "Still there?",
    advice: "Nobody touched the controls for a while, so the session was closed to make room.",
  },
  [CLOSE.timeLimit]: {
    title: "Time is up",
    advice: "The session ran as long as this server allows. Start a new one to go on.",
  },
  [CLOSE.replaced]: {
    title: "Opened somewhere else",
    advice: "The session is being played in another window.",
  },
  [CLOSE.goingAway]: {
    title: "The server is shutting down",
    advice: "Start again when it is back.",
  },
  [CLOSE.internal]: {
    title: "The session broke off",
    advice: "Something failed on the server; its log says what. Start again.",
  },
  [CLOSE.protocol]: {
    title: "The server did not understand this page",
    advice: "Page and server may be of different versions. Load the page anew.",
  },
  [CLOSE.modelLost]: BY_CODE["engine_lost"] as Notice,
  [CLOSE.tryLater]: BY_CODE["session_limit"] as Notice,
};

/** How a link came to its end, for a person. */
export function describeEnd(code: number, lost: boolean): Notice {
  if (lost) {
    return {
      title: "The connection is lost",
      advice: "The server could not be reached in time to go on. Start again when it is back.",
    };
  }
  return (
    BY_CLOSE[code] ?? {
      title: "The server closed the session",
      advice: `It gave the code ${code}. Start again; if it stays, look into the server's log.`,
    }
  );
}

/** What is said while a lost connection is being made again. Units: seconds. */
export const describeReconnect = (secondsLeft: number): Notice => ({
  title: "Reconnecting",
  advice: `The connection was lost. Your session is kept for ${secondsLeft} more seconds.`,
});

const TRANSPORT_NAMES: Readonly<Record<TransportName, string>> = {
  webrtc: "WebRTC",
  websocket: "WebSocket",
};

/** A transport as people write it. */
export const transportName = (transport: TransportName | undefined): string =>
  transport === undefined ? "–" : TRANSPORT_NAMES[transport];

const LIMITS: Readonly<Record<QualityLimit, string>> = {
  loss: "the network loses packets",
  bandwidth: "the network carries no more",
  distance: "the server is far away",
  server: "the server makes frames late",
  decoder: "this device decodes too slowly",
};

/** How good a connection is, and why it is not better. */
export const describeQuality = ({ grade, limit }: Quality): string => {
  const word = { good: "Good", fair: "Fair", poor: "Poor" }[grade];
  return limit === undefined ? word : `${word}: ${LIMITS[limit]}`;
};

/** That media and messages go another way now. */
export const describeTransport = (transport: TransportName): Notice => ({
  title: `Connected by ${transportName(transport)}`,
  advice:
    transport === "websocket"
      ? "WebRTC did not get through, or was not wanted. Your session goes on."
      : "Your session goes on.",
});
