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
  /** Bring back the pictures that were drawn; without it they carry markers. */
  readonly pictures: boolean;
}

/** What the page saw and heard. Times are milliseconds since 1970. */
export interface Sitting {
  readonly frameRate: number;
  /** When each frame was drawn; its number is read from its marker where there are markers. */
  readonly shown: readonly (readonly [at: number, frame: number])[];
  /** How many samples had been sent by when. */
  readonly sent: readonly (readonly [at: number, samples: number])[];
  /** Media time at which the sound began to be heard, microseconds. */
  readonly begins: number;
  /** When clicks were heard. */
  readonly clicks: readonly number[];
  /** RGB of each frame of `shown`, one after the other, in base64; empty unless asked for. */
  readonly pictures: string;
}
