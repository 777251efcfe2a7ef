/* Reads the source into the journal of a node that leads, as `ingest` does, without sockets and packets. */
import type { ClusterJournal } from '../../src/cluster/node/cluster-journal.ts'
import { crc32, OperationalError } from '../../src/lib/index.ts'
import { GtidSet, readEventHeader } from '../../src/mysql/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import type { Chunk, Position } from '../../src/store/index.ts'
import type { Dump, DumpItem, SimulatedSource } from './source.ts'

export interface IngestParts {
  readonly node: string
  readonly journal: ClusterJournal
  readonly source: SimulatedSource
  readonly clock: ProcessClock
  readonly random: SeededRandom
  /** a dump is asked for: everything before the place is acknowledged by that */
  readonly connects: (place: Position | undefined) => void
  /** the dump has ended, and the process knows it */
  readonly disconnects: () => void
  readonly acknowledges: (place: Position) => void
  readonly refused: (place: Position) => void
}

export class SimulatedIngest {
  readonly #parts: IngestParts

  constructor(parts: IngestParts) {
    this.#parts = parts
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { journal, clock, random } = this.#parts
    while (!signal.aborted) {
      try {
        await journal.openSession(signal)
        await journal.lastTransaction()
        await this.#receive(signal)
      } catch (thrown) {
        if (signal.aborted) return
        if (!(thrown instanceof OperationalError)) throw thrown
      } finally {
        journal.closeSession()
      }
      await clock.sleep(random.between(5, 300), signal)
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    const { journal, source, clock, node, connects, disconnects, refused } = this.#parts
    const place = this.#place()
    if (!source.isUp) return
    if (place !== undefined && !source.has(place)) return refused(place)
    connects(place)
    const dump = source.connect(node, clock, place)
    if (dump === undefined) return
    const tell = (): void => {
      const visible = journal.visible.value
      if (visible !== undefined && !dump.isOver) this.#acknowledge(visible)
    }
    const stopTelling = journal.visible.follow(tell)
    const stop = (): void => dump.end()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await this.#follow(dump, place === undefined)
    } finally {
      stopTelling()
      signal.removeEventListener('abort', stop)
      dump.end()
      disconnects()
    }
  }

  #place(): Position | undefined {
    const end = this.#parts.journal.end
    return end && { file: end.file, position: end.position }
  }

  #acknowledge({ file, position }: Position): void {
    const { acknowledges, source } = this.#parts
    acknowledges({ file, position })
    source.acknowledge({ file, position })
  }

  async #follow(dump: Dump, isFirst: boolean): Promise<void> {
    const { journal, source } = this.#parts
    let purged = isFirst
    for (let item = await dump.next(); item !== undefined; item = await dump.next()) {
      if (item.kind === 'bytes') {
        const chunk = chunkOf(item)
        const taken = journal.append(chunk)
        // The buffer is the caller's again.
        chunk.bytes.fill(0xee)
        await taken
        continue
      }
      const { name, previous } = item.file
      await journal.beginFile({
        name,
        sourceUuid: source.history.uuid,
        sourceFile: name,
        sourcePosition: 4,
        basePosition: 4,
        purged: purged ? previous.clone() : undefined,
      })
      purged = false
    }
  }
}

function chunkOf({ file, from, to }: Extract<DumpItem, { kind: 'bytes' }>): Chunk {
  const bytes = Buffer.from(file.bytes.view(from, to))
  const gtids = GtidSet.empty()
  let boundary = 4
  let timestamp = 0
  for (const { position, end, boundary: isBoundary, gtid } of file.events) {
    if (end > to) break
    if (isBoundary) boundary = end
    if (end <= from) continue
    ;({ timestamp } = readEventHeader(file.bytes.view(position, end)))
    if (gtid !== undefined) gtids.add(gtid)
  }
  return { bytes, crc: crc32(bytes), boundary, gtids: gtids.isEmpty ? undefined : gtids, timestamp }
}
