/**
 * Preloaded into a process with `node --import`: writes down, one a line in the file `DESTINATIONS`, each address
 * that it sends a datagram to or connects to, and each name that it looks up.
 */

import { Socket as DatagramSocket } from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";

const file = process.env["DESTINATIONS"] ?? "";
const seen = new Set<string>();

function note(what: string): void {
  if (seen.has(what) || file === "") return;
  seen.add(what);
  appendFileSync(file, `${what}\n`);
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Call `look` with the arguments of each call of a method, before it is done. */
function watch(owner: object, name: string, look: (args: readonly unknown[]) => void): void {
  const methods = owner as Record<string, Method>;
  const real = methods[name];
  if (real === undefined) throw new Error(`there is no ${name}`);
  methods[name] = function watched(this: unknown, ...args) {
    look(args);
    return real.apply(this, args);
  };
}

watch(DatagramSocket.prototype, "send", ([, ...rest]) => {
  const address = rest.find((value) => typeof value === "string") ?? "127.0.0.1";
  note(`udp ${address}`);
});
watch(Socket.prototype, "connect", (args) => {
  const [first] = args.flat() as readonly { readonly host?: string; readonly path?: string }[];
  if (first?.path === undefined) note(`tcp ${first?.host ?? "127.0.0.1"}`);
});
for (const name of ["lookup", "resolve", "resolve4", "resolve6"]) {
  const look = ([host]: readonly unknown[]) => {
    note(`name ${String(host)}`);
  };
  watch(dns, name, look);
  watch(dns.promises, name, look);
}
syncBuiltinESMExports();
