/** Structured facts about one log line; never prompts, pictures, addresses or SDP. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger with bound context; levels follow docs/architecture.md, section "Logs". */
export interface Logger {
  child(fields: LogFields): Logger;
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

const nothing = (): void => undefined;

/** A logger that says nothing. */
export const silentLogger: Logger = {
  child: () => silentLogger,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
};
