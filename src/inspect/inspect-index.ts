import { GtidSet } from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { IndexWalk, type WalkedEntry } from '../store/index.ts'
import type { Damage } from './damage.ts'
import type { Details } from './describe-event.ts'

/** An entry of an index, readable; docs/internals/store-format.md says what the fields are. */
export interface InspectedEntry {
  readonly kind: 'entry'
  /** of the entry in the index */
  readonly position: number
  readonly size: number
  readonly entry: string
  readonly details: Details
}

export type InspectedIndexItem =
  | InspectedEntry
  | { readonly kind: 'damage'; readonly damage: Damage }

const BATCH_ENTRIES = 4096

/** The head of an index as an entry of its own, then its entries, in pieces. */
export function* inspectIndex(
  name: string,
  file: DiskFile,
): Generator<readonly InspectedIndexItem[]> {
  const walk = IndexWalk.open(file)
  const damage = (position: number, what: string): InspectedIndexItem => {
    return {
      kind: 'damage',
      damage: { file: name, position, end: position, what, transaction: undefined },
    }
  }
  if (walk === undefined) return yield [damage(0, 'the head of the index is not true')]
  yield [{ kind: 'entry', position: 0, size: walk.offset, entry: 'head', details: headOf(walk) }]
  let batch: InspectedIndexItem[] = []
  for (let walked = walk.next(); walked !== undefined; walked = walk.next()) {
    const { offset: position, size, entry, wrong } = walked
    const details = detailsOf(walked)
    batch.push({ kind: 'entry', position, size, entry: entry.kind, details })
    if (wrong !== undefined) batch.push(damage(position, wrong))
    if (batch.length < BATCH_ENTRIES) continue
    yield batch
    batch = []
  }
  const rest = bytesBehind(file, walk.offset)
  if (rest > 0) batch.push(damage(walk.offset, `no true entry is there, and ${rest} bytes follow`))
  yield batch
}

/** How many bytes follow that were written: space that is only reserved holds zeros. */
export function bytesBehind(file: DiskFile, offset: number): number {
  const buffer = Buffer.alloc(64 * 1024)
  const size = file.size()
  for (let at = offset; at < size; at += buffer.length) {
    const read = file.read(buffer, at)
    if (buffer.subarray(0, read).some((byte) => byte !== 0)) return size - offset
  }
  return 0
}

function headOf({ head }: IndexWalk): Details {
  return {
    storeId: head.storeId,
    firstSequence: head.firstSequence,
    rebuilt: head.rebuilt,
    digest: head.digest.toString('hex'),
    contact: head.contact.toString(),
  }
}

function detailsOf({ entry, state, wrong }: WalkedEntry): Details {
  const { sequence } = state
  switch (entry.kind) {
    case 'bytes': {
      const { end, boundary, crc, timestamp } = entry
      return { sequence, end, boundary, crc: hex(crc), timestamp }
    }
    case 'file-begin': {
      const { purged, ...begin } = entry.begin
      return { sequence, ...begin, ...(purged === undefined ? {} : { purged: purged.toString() }) }
    }
    case 'cut':
      return { sequence, to: entry.to, start: entry.start, crc: hex(entry.crc) }
    case 'purge':
      return { sequence, upTo: entry.upTo }
    case 'epoch-start':
      return { sequence, epoch: entry.epoch }
    case 'set':
      // What is wrong with a set is that it is none.
      if (wrong !== undefined) return { end: entry.position }
      return { end: entry.position, gtids: GtidSet.decode(entry.encoded).toString() }
    case 'checkpoint': {
      const { end, boundary } = entry.state
      return { sequence, end, boundary, digest: entry.digest.toString('hex') }
    }
    case 'closed':
      return { sequence, end: entry.size, lastCheckpoint: entry.lastCheckpoint }
    case 'cut-done':
      return {}
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
