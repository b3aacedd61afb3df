/** Paths of WHEP and WHIP. */
const PATTERN = /^\/v1\/sessions\/[\w-]+\/(?:whep|whip)(?:\/[\w-]+)?$/;

const PUBLICATIONS = /^\/v1\/sessions\/[\w-]+\/publications(?:\/[\w-]+)?$/;

/** Whether `path` takes offers and fragments. */
export const isWishPath = (path: string): boolean => PATTERN.test(path);

/** Whether the session's token, and not the server's, opens `path`. */
export const opensBySession = (path: string): boolean =>
  isWishPath(path) || PUBLICATIONS.test(path);
