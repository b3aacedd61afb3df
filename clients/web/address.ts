/** Path of the control and media socket. */
const SOCKET_PATH = "/v1/realtime";

/** The address of the server's HTTP interface, from any of its `http:` and `ws:` forms. */
export function httpAddress(server: string | URL): URL {
  const url = new URL(server);
  if (url.protocol === "ws:") url.protocol = "http:";
  if (url.protocol === "wss:") url.protocol = "https:";
  return url;
}

/** The address of the server's control and media socket. */
export function socketAddress(server: string | URL): URL {
  const url = new URL(SOCKET_PATH, httpAddress(server));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}
