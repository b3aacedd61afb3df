/** Numbers that nobody can guess. */

import { randomBytes } from "node:crypto";

/** 16 random bits. */
export const random16 = (): number => randomBytes(2).readUInt16BE(0);
/** 32 random bits. */
export const random32 = (): number => randomBytes(4).readUInt32BE(0);
/** 62 random bits in decimal, as `o=` lines have. */
export const randomSessionId = (): string => (randomBytes(8).readBigUInt64BE(0) >> 2n).toString();
/** A name of 16 letters and digits. */
export const randomName = (): string => randomBytes(8).toString("hex");
