/** Something that can be listened to; `Events` maps each event's name to what it carries. */
export interface Listenable<Events extends object> {
  /**
   * Call `listener` on every later event of `type`.
   *
   * Lifetime: until the returned function is called or the owner of the events ends.
   */
  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): () => void;
}

type Listeners<Events extends object> = {
  [Type in keyof Events]?: Set<(value: Events[Type]) => void>;
};

/** The owner's side of `Listenable`. Buffers nothing: a late listener sees only later events. */
export class Emitter<Events extends object> implements Listenable<Events> {
  readonly #listeners: Listeners<Events> = {};

  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): () => void {
    const listeners = this.#listeners[type] ?? new Set();
    this.#listeners[type] = listeners;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Call every listener of `type`, in the order they were added. */
  emit<Type extends keyof Events>(type: Type, value: Events[Type]): void {
    for (const listener of [...(this.#listeners[type] ?? [])]) listener(value);
  }

  /** True when somebody listens to `type`: lets the owner skip work nobody would see. */
  has(type: keyof Events): boolean {
    return (this.#listeners[type]?.size ?? 0) > 0;
  }
}
