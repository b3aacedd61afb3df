import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Bytes of chance in an id that must be unique, and in a secret that must not be guessed. */
const ID_BYTES = 12;
const SECRET_BYTES = 32;

/** An id that no other session has. */
export const randomId = (): string => randomBytes(ID_BYTES).toString("base64url");

/** A secret of 256 random bits, as text that is safe in a URL. */
export const randomSecret = (): string => randomBytes(SECRET_BYTES).toString("base64url");

/** Compare two secrets in a time that tells nothing about either. */
export const isSameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected));

const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
