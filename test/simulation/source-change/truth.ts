import { createHash } from 'node:crypto'
import { formatGtid } from '../../../src/mysql/index.ts'
import type { SourceHistory, WrittenTransaction } from '../source/history.ts'

const LOG_POS_START = 13
const LOG_POS_END = 17
const CHECKSUM_SIZE = 4

/** What a server that has replicated it leaves as it was: positions, checksums and the GTID event are its own. */
function bodyOf(events: readonly Buffer[]): string {
  const hash = createHash('sha1')
  for (const event of events.slice(1)) {
    const copy = Buffer.from(event.subarray(0, event.length - CHECKSUM_SIZE))
    copy.fill(0, LOG_POS_START, LOG_POS_END)
    hash.update(copy)
  }
  return hash.digest('hex')
}

/** What every transaction is, whichever server sends it. */
export class Truth {
  readonly #bodies = new Map<string, string>()
  /** index of the file that each wrote to when it was last looked at */
  readonly #learned = new Map<SourceHistory, number>()

  /** Learns what the server has written since. */
  learn(history: SourceHistory): void {
    const from = this.#learned.get(history) ?? 0
    this.#learned.set(history, history.files.length - 1)
    for (const { gtid, events } of history.transactions(from)) {
      const name = formatGtid(gtid)
      if (!this.#bodies.has(name)) this.#bodies.set(name, bodyOf(events))
    }
  }

  isTrue({ gtid, events }: WrittenTransaction): boolean {
    return this.#bodies.get(formatGtid(gtid)) === bodyOf(events)
  }
}

/** The first of them that the server has before the one that stands before it here. */
export function outOfOrder(gtids: readonly string[], history: SourceHistory): string | undefined {
  const order = new Map([...history.transactions()].map(({ gtid }, at) => [formatGtid(gtid), at]))
  let before = -1
  return gtids.find((gtid) => {
    const at = order.get(gtid) ?? -1
    const isBack = at < before
    before = at
    return isBack
  })
}
