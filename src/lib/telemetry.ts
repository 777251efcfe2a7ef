/*
  What a part may say about itself. `observe/` implements both over pino and prom-client; tests pass
  `silentTelemetry`. Nothing below knows the libraries.
*/

export type LogFields = Readonly<Record<string, unknown>>

/** One line per call; the message is a sentence in lower case, the facts are fields. Never a secret. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** a logger whose every line carries these fields too */
  child(fields: LogFields): Logger
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
