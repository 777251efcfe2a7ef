import { z } from 'zod'
import { type Logger, OperationalError, Watch, type Watched } from '../../lib/index.ts'

/** More are counted, and not listed. */
const LISTED_MOST = 64
/** So many places that a read found damaged wait to be looked at; what is met besides is met again by the next read. */
const SUSPECTS_MOST = 64

/** What is wrong with a file of a node. */
export const fileAlarm = z.object({
  /** E_STORE_DAMAGED: this node's copy is not what it stored; E_COPIES_DIFFER: it is, and another's is another */
  code: z.enum(['E_STORE_DAMAGED', 'E_COPIES_DIFFER']),
  /** a name that ends in `.idx` is an index */
  file: z.string(),
  /** bytes [from, to) of it */
  from: z.number(),
  to: z.number(),
  /** of a binlog file, where it can be told: where the first event begins that has bytes of the range */
  event: z.number().optional(),
  /** the GTID of the transaction of that event */
  transaction: z.string().optional(),
  message: z.string(),
})

export type FileAlarm = z.infer<typeof fileAlarm>

export type AlarmCode = FileAlarm['code']

/** A place of a file, or of its index, at which a read has found other bytes than those that were stored. */
export interface Suspect {
  readonly file: string
  readonly position: number
}

/** What is known to be damaged from a position on. */
export interface DamageAhead {
  readonly limit: number | undefined
  readonly inside: { readonly from: number; readonly to: number } | undefined
}

/** The alarms of a store, by the binlog file that they concern. The log has each once, and when it has passed. */
export class FileAlarms {
  readonly #logger: Logger
  readonly #held: Record<AlarmCode, Map<string, readonly FileAlarm[]>> = {
    E_STORE_DAMAGED: new Map(),
    E_COPIES_DIFFER: new Map(),
  }
  readonly #suspects = new Watch<readonly Suspect[]>([])
  #raised = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** in the order of the files, as far as they are not too many */
  get list(): readonly FileAlarm[] {
    const all = Object.values(this.#held).flatMap((found) => [...found.values()].flat())
    return all.slice(0, LISTED_MOST)
  }

  /** of one binlog file and its index */
  of(name: string, code: AlarmCode): readonly FileAlarm[] {
    return this.#held[code].get(name) ?? []
  }

  count(code: AlarmCode): number {
    return [...this.#held[code].values()].reduce((sum, found) => sum + found.length, 0)
  }

  /** alarms since the start, those that have passed too */
  get raised(): number {
    return this.#raised
  }

  /** what reads have met, for whoever looks at it closely */
  get suspects(): Watched<readonly Suspect[]> {
    return this.#suspects
  }

  /** Takes what a read has thrown, if that is damage. */
  met(thrown: unknown): void {
    if (!(thrown instanceof OperationalError) || thrown.code !== 'E_STORE_DAMAGED') return
    const { file, position } = thrown.context
    if (typeof file !== 'string' || typeof position !== 'number') return
    const waiting = this.#suspects.value
    const isKnown = waiting.some((one) => one.file === file && one.position === position)
    if (isKnown || waiting.length >= SUSPECTS_MOST) return
    this.#suspects.set([...waiting, { file, position }])
  }

  /** What waits is the caller's. */
  takeSuspects(): readonly Suspect[] {
    const waiting = this.#suspects.value
    if (waiting.length > 0) this.#suspects.set([])
    return waiting
  }

  /** All that is known now of one file. */
  set(name: string, code: AlarmCode, found: readonly FileAlarm[]): void {
    this.#tell(name, code, found)
    if (found.length > 0) this.#held[code].set(name, found)
    else if (this.#held[code].delete(name)) {
      this.#logger.info({ code, file: name }, 'an alarm of this file has passed')
    }
  }

  /** More that is known of one file. */
  add(name: string, code: AlarmCode, found: readonly FileAlarm[]): void {
    this.#tell(name, code, found)
    const before = this.of(name, code)
    const others = before.filter((one) => !found.some((alarm) => overlap(one, alarm)))
    if (found.length > 0) this.#held[code].set(name, [...others, ...found])
  }

  /** Files that are gone have no alarms. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const found of Object.values(this.#held)) {
      for (const name of found.keys()) if (!names.has(name)) found.delete(name)
    }
  }

  /**
   * What is known of a binlog file from the position on: `limit` is where the next event begins that has damaged
   * bytes; `inside` are those bytes of the event at the position, where it has some further on.
   */
  ahead(name: string, position: number): DamageAhead {
    let limit: number | undefined
    let inside: DamageAhead['inside']
    for (const { file, from, to, event = from } of this.of(name, 'E_STORE_DAMAGED')) {
      if (file !== name) continue
      if (event > position) limit = Math.min(event, limit ?? event)
      else if (from > position) inside ??= { from, to }
    }
    return { limit, inside }
  }

  #tell(name: string, code: AlarmCode, found: readonly FileAlarm[]): void {
    const before = this.of(name, code)
    for (const alarm of found) {
      if (before.some((one) => isSame(one, alarm))) continue
      this.#raised += 1
      const { message, ...facts } = alarm
      this.#logger.error(facts, message)
    }
  }
}

function isSame(one: FileAlarm, other: FileAlarm): boolean {
  return one.file === other.file && one.from === other.from && one.to === other.to
}

function overlap(one: FileAlarm, other: FileAlarm): boolean {
  if (one.file !== other.file) return false
  // A whole index may be a range without bytes.
  return isSame(one, other) || (one.from < other.to && other.from < one.to)
}
