import { decodeSemiSyncAck } from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Position } from '../../../src/store/index.ts'
import { Violation } from '../violation.ts'
import type { WrittenEvent } from './history.ts'

/** What makes a source wait for acknowledgements, and takes them. */
export class SemiSyncPlugin {
  readonly #random: SeededRandom
  readonly #heard: (place: Position) => void
  /** as it tells of itself: false when a commit has waited in vain */
  isWaiting = true

  /** @param heard an acknowledgement that was asked for has come */
  constructor(random: SeededRandom, heard: (place: Position) => void) {
    this.#random = random
    this.#heard = heard
  }

  beginDump(): AskingDump {
    return new AskingDump(this.#random.fork(), this.#heard)
  }

  /** Names and values of one row. */
  answer(sql: string): Record<string, string> | undefined {
    const name = /'(rpl_semi_sync_source_(?:enabled|status))'/i.exec(sql)?.[1]
    if (name === undefined) return undefined
    const isOn = this.isWaiting || name.endsWith('enabled')
    return { Variable_name: name, Value: isOn ? 'ON' : 'OFF' }
  }
}

/** What one dump asks for, and whether it gets that. */
export class AskingDump {
  readonly #random: SeededRandom
  readonly #heard: (place: Position) => void
  /** as a source asks whose commits do not wait: behind each event, also inside transactions */
  readonly #asksAlways: boolean
  /** what has no acknowledgement yet, in order */
  readonly #asked: (Position & { readonly ends: boolean })[] = []

  constructor(random: SeededRandom, heard: (place: Position) => void) {
    this.#random = random
    this.#heard = heard
    this.#asksAlways = random.chance(0.3)
  }

  /** A transaction has ended whose commit waits. */
  get waits(): boolean {
    return this.#asked.some(({ ends }) => ends)
  }

  /** Whether an event is marked. */
  asks(file: string, { end, gtid }: WrittenEvent): boolean {
    const ends = gtid !== undefined
    // Not behind each end: nobody waits for one any more when the dump has come late.
    if (!(this.#asksAlways || (ends && this.#random.chance(0.6)))) return false
    this.#asked.push({ file, position: end, ends })
    return true
  }

  acknowledged(payload: Buffer): void {
    const place = decodeSemiSyncAck(payload)
    const index = this.#asked.findIndex(
      (asked) => asked.file === place.file && asked.position === place.position,
    )
    if (index < 0) {
      const message = `nobody has asked for ${place.file}:${place.position}`
      throw new Violation('acknowledgements are true', message)
    }
    this.#asked.splice(0, index + 1)
    this.#heard(place)
  }
}
