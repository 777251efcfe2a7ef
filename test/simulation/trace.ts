import { createHash } from 'node:crypto'
import type { LogFields, Logger } from '../../src/lib/index.ts'

/** What happens in a simulation, line by line: equal for equal seeds. */
export class Trace {
  readonly #hash = createHash('sha256')
  readonly #nowMs: () => number
  readonly #say: (line: string) => void

  constructor(nowMs: () => number, say: (line: string) => void) {
    this.#nowMs = nowMs
    this.#say = say
  }

  note(text: string): void {
    const line = `${this.#nowMs().toFixed(3).padStart(10)} ${text}`
    this.#hash.update(`${line}\n`)
    this.#say(line)
  }

  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  /** A node's own log. */
  logger(node = ''): Logger {
    const log = (level: string) => (fields: LogFields, message: string) => {
      this.note(`${node}  ${level} ${message} ${textOf(fields)}`)
    }
    const logger: Logger = {
      debug: log('debug'),
      info: log('info'),
      warn: log('warn'),
      error: log('error'),
      child: () => logger,
    }
    return logger
  }
}

function textOf(fields: LogFields): string {
  return JSON.stringify(fields, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}
