/** Numbers as people read them. */

/** A number with its unit, apart so that the unit can be set smaller. */
export interface Reading {
  readonly value: string;
  readonly unit: string;
}

const DASH = "–";

const digits = (value: number, fraction: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: fraction, maximumFractionDigits: fraction });

const orDash = (value: number | undefined, unit: string, fraction = 0): Reading => ({
  value: value === undefined || !Number.isFinite(value) ? DASH : digits(value, fraction),
  unit,
});

/** Units: milliseconds in. */
export const milliseconds = (ms: number | undefined): Reading =>
  ms !== undefined && ms < 10 ? orDash(ms, "ms", 1) : orDash(ms, "ms");

/** Units: frames per second in. */
export const frameRate = (fps: number | undefined): Reading => orDash(fps, "fps", 1);

/** Units: bytes in; kilobytes or megabytes out. */
export const bytes = (count: number | undefined): Reading => {
  if (count === undefined || count < 1e6) {
    return orDash(count === undefined ? undefined : count / 1e3, "kB");
  }
  return orDash(count / 1e6, "MB", 1);
};

/** Units: bits per second in; kilobits or megabits per second out. */
export const bitrate = (bits: number | undefined): Reading => {
  if (bits === undefined || bits < 1e6) {
    return orDash(bits === undefined ? undefined : bits / 1e3, "kbit/s");
  }
  return orDash(bits / 1e6, "Mbit/s", 1);
};

/** A number with its unit, which is given in the plural. */
export const quantity = (value: number, unit: string): string =>
  `${value} ${value === 1 ? unit.replace(/s$/, "") : unit}`.trim();

/** A whole number with separators. */
export const count = (value: number): string => digits(value, 0);

/** Units: milliseconds in; minutes and seconds out, as on a recorder. */
export const clockTime = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
