/** What the bench asks of the page about somebody who speaks, and what comes back. */

/** One sitting. */
export interface SittingOptions {
  readonly model: string;
  readonly transport: "websocket" | "webrtc";
  readonly delay: "low" | "default";
  /** PNG of the face, in base64; the model's first start when absent. */
  readonly picture?: string;
  /** PCM of what is said: int16, little-endian, 16 kHz, in base64. */
  readonly sound: string;
  /** How many times it is said, one after the other; once when absent. */
  readonly rounds?: number;
  /** Bring back the pictures that were drawn; without it they carry markers. */
  readonly pictures: boolean;
}

/** One time that the sound was said. Times are milliseconds since 1970. */
export interface Round {
  /** How many samples had been sent by when. */
  readonly sent: readonly (readonly [at: number, samples: number])[];
  /** Media time at which it began to be heard, and at which it was over, microseconds. */
  readonly begins: number;
  readonly ends: number;
  /** How much of it was heard, a whole number. */
  readonly playedMs: number;
}

/** What the page saw and heard. Times are milliseconds since 1970. */
export interface Sitting {
  readonly frameRate: number;
  readonly rounds: readonly Round[];
  /** When each frame was drawn; its number is read from its marker where there are markers. */
  readonly shown: readonly (readonly [at: number, frame: number])[];
  /** When clicks were heard. */
  readonly clicks: readonly number[];
  /** RGB of each frame of `shown`, one after the other, in base64; empty unless asked for. */
  readonly pictures: string;
}
