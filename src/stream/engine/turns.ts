/** Lets one piece of work run at a time, in the order it was asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Run `work` when all that was asked for before has settled. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
