/** SRTP's session keys (RFC 3711, section 4.3), in the form that Node is quick with. */

import { createSecretKey } from "node:crypto";
import type { RTCDtlsTransport } from "werift";

/**
 * Hold the session keys of `dtls` as key objects.
 *
 * werift has them as bytes, which Node looks at anew for every packet; that takes longer than to encrypt it.
 */
export function holdKeys({ srtp, srtcp }: Pick<RTCDtlsTransport, "srtp" | "srtcp">): void {
  const contexts = [srtp, srtcp].flatMap((each) => [each.localContext, each.remoteContext]);
  for (const { cipher } of contexts) {
    Object.assign(cipher, {
      srtpSessionKey: createSecretKey(cipher.srtpSessionKey),
      srtcpSessionKey: createSecretKey(cipher.srtcpSessionKey),
    });
  }
}
