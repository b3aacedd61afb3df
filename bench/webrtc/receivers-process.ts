/** Entry of the process of light viewers. */

import { answerWith } from "./child.ts";
import { Receiver } from "./receiver.ts";
import type { ReceiverQuestions } from "./receivers.ts";

const receivers: Receiver[] = [];

answerWith<ReceiverQuestions>({
  open: async ({ target }) => {
    const receiver = new Receiver(target);
    await receiver.open();
    receivers.push(receiver);
    return null;
  },
  received: () => receivers.map(({ received }) => received),
  close: async () => {
    await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
    return null;
  },
});
