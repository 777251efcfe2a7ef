import { type DestinationStream, destination, type Logger as PinoLogger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { LogFields, Logger } from '../lib/index.ts'

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'pretty' | 'json'
}

const STDOUT = 1

/**
 * Writes lines to standard output before each call returns, so that the last line of a process that
 * ends is there. JSON lines have `level` (a word), `time` (ISO 8601, UTC), `msg` and the fields.
 */
export function createLogger(options: LoggerOptions, output?: DestinationStream): Logger {
  const stream = output ?? outputOf(options.format)
  const settings = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return new PinoBackedLogger(pino(settings, stream))
}

function outputOf(format: LoggerOptions['format']): DestinationStream {
  if (format === 'json') return destination({ dest: STDOUT, sync: true })
  return pretty({
    destination: STDOUT,
    sync: true,
    colorize: true,
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
  })
}

/** pino takes fields of any shape; this face lets only ours through, and bigints as their digits. */
class PinoBackedLogger implements Logger {
  readonly #pino: PinoLogger

  constructor(inner: PinoLogger) {
    this.#pino = inner
  }

  debug(fields: LogFields, message: string): void {
    this.#pino.debug(fields, message)
  }

  info(fields: LogFields, message: string): void {
    this.#pino.info(fields, message)
  }

  warn(fields: LogFields, message: string): void {
    this.#pino.warn(fields, message)
  }

  error(fields: LogFields, message: string): void {
    this.#pino.error(fields, message)
  }

  child(fields: LogFields): Logger {
    return new PinoBackedLogger(this.#pino.child(fields))
  }
}
