import { z } from 'zod'
import type { Logger } from '../../../lib/index.ts'

/** More are counted, and not listed. */
const LISTED_MOST = 64

/** What is wrong with a file of a node. */
export const fileAlarm = z.object({
  /** E_STORE_DAMAGED: this node's copy is not what it stored; E_COPIES_DIFFER: it is, and another's is another */
  code: z.enum(['E_STORE_DAMAGED', 'E_COPIES_DIFFER']),
  /** a name that ends in `.idx` is an index */
  file: z.string(),
  /** bytes [from, to) of it */
  from: z.number(),
  to: z.number(),
  message: z.string(),
})

export type FileAlarm = z.infer<typeof fileAlarm>

export type AlarmCode = FileAlarm['code']

/** The alarms of a node, by the binlog file that they concern. Each is told in the log once, and when it has passed. */
export class FileAlarms {
  readonly #node: string
  readonly #logger: Logger
  readonly #held: Record<AlarmCode, Map<string, readonly FileAlarm[]>> = {
    E_STORE_DAMAGED: new Map(),
    E_COPIES_DIFFER: new Map(),
  }

  /** @param node the name of this one */
  constructor(node: string, logger: Logger) {
    this.#node = node
    this.#logger = logger
  }

  /** in the order of the files, as far as they are not too many */
  get list(): readonly FileAlarm[] {
    const all = Object.values(this.#held).flatMap((found) => [...found.values()].flat())
    return all.slice(0, LISTED_MOST)
  }

  count(code: AlarmCode): number {
    return [...this.#held[code].values()].reduce((sum, found) => sum + found.length, 0)
  }

  /** All that is known now of one file. */
  set(name: string, code: AlarmCode, found: readonly FileAlarm[]): void {
    const before = this.#held[code].get(name) ?? []
    for (const alarm of found) {
      if (before.some((one) => isSame(one, alarm))) continue
      const { message, ...facts } = alarm
      this.#logger.error({ node: this.#node, ...facts }, message)
    }
    if (found.length > 0) this.#held[code].set(name, found)
    else if (this.#held[code].delete(name)) {
      this.#logger.info({ node: this.#node, code, file: name }, 'an alarm of this file has passed')
    }
  }

  /** Files that are gone have no alarms. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const found of Object.values(this.#held)) {
      for (const name of found.keys()) if (!names.has(name)) found.delete(name)
    }
  }
}

function isSame(one: FileAlarm, other: FileAlarm): boolean {
  return one.file === other.file && one.from === other.from && one.to === other.to
}
