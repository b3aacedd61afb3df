/** Files that are brought to the server. */

import { httpAddress } from "./address.ts";
import { ask, bearer } from "./http.ts";

/** Where files go. */
export interface UploadTarget {
  readonly server: string | URL;
  /** The server's own secret, where it has one. */
  readonly token: string | undefined;
}

/** Bring a file; returns the id it has there. @throws {StreamError} the server's own error, or `server_unreachable`. */
export async function uploadFile({ server, token }: UploadTarget, file: Blob): Promise<string> {
  const response = await ask(new URL("/v1/uploads", httpAddress(server)), {
    method: "POST",
    headers: { "content-type": "application/octet-stream", ...bearer(token) },
    body: file,
  });
  return ((await response.json()) as { readonly id: string }).id;
}

/** Tell the server that a file is done with; it forgets it by itself, too, only later. */
export function removeUpload({ server, token }: UploadTarget, id: string): void {
  const address = new URL(`/v1/uploads/${encodeURIComponent(id)}`, httpAddress(server));
  fetch(address, { method: "DELETE", headers: bearer(token) }).catch(() => undefined);
}
