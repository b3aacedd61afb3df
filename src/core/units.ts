/**
 * Numbers that carry their unit in the type, so that seconds never reach a microsecond parameter.
 *
 * Time on the media timeline is `Micros`; durations for timers are `Millis`; nothing else.
 */

declare const unit: unique symbol;

/** A number tagged at compile time with its unit. */
export type Quantity<U extends string> = number & { readonly [unit]: U };

/** Microseconds: positions and durations on the media timeline. */
export type Micros = Quantity<"us">;
/** Milliseconds: timers and measured durations. */
export type Millis = Quantity<"ms">;
/** Bytes of memory or payload. */
export type Bytes = Quantity<"byte">;
/** Bits per second of encoded media. */
export type BitsPerSecond = Quantity<"bit/s">;
/** Zero-based index of a block within a session. */
export type BlockIndex = Quantity<"block">;
/** Zero-based index of a frame within a session. */
export type FrameIndex = Quantity<"frame">;

/** Assert the unit of a raw number. Converts nothing. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- naming the unit is the point
export const as = <Q extends Quantity<string>>(value: number): Q => value as Q;

/** Convert media microseconds to timer milliseconds. */
export const microsToMillis = (us: Micros): Millis => as(us / 1000);

/**
 * Media time at which frame `frame` starts.
 *
 * Units: `frameRate` in frames per second; the result is rounded to whole microseconds.
 */
export const frameTime = (frame: number, frameRate: number): Micros =>
  as(Math.round((frame * 1_000_000) / frameRate));
