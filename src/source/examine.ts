/*
  Looks at a source's files before the real dump, on a connection of its own: a dump that does not wait for
  more, under another replica's uuid (so that it ends no dump of ours), never semi-synchronous.
*/
import { OperationalError, ProtocolError } from '../lib/index.ts'
import {
  type ChecksumAlgorithm,
  checksumMatches,
  DumpFlag,
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  EventType,
  encodePackets,
  eventTypeName,
  formatGtid,
  type GtidEvent,
  GtidSet,
  isGtidEvent,
  isPreviousGtids,
  nextFileName,
} from '../mysql/index.ts'
import type { Clock } from '../platform/index.ts'
import { EventSkimmer, type SkimmedEvent } from './files/event-skimmer.ts'
import type { DumpQuestion, SourceFlavor } from './flavor/source-flavor.ts'
import type { Beginning, Holdings, SourcePlace } from './holdings.ts'
import { FILE_START, type OldestFile, type Proof, sameEvent } from './resume.ts'
import type { SourceConnection } from './source-connection.ts'
import { DumpRefused, dumpError, refusedFile } from './source-error.ts'

/** Opens a connection that has introduced itself as somebody else than our dump. */
export interface Examiner {
  readonly address: string
  readonly serverId: number
  readonly keptBytesMax: number
  readonly flavor: SourceFlavor
  /** a source that says nothing for so long while it is examined is given up */
  readonly silenceMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  connect(): Promise<SourceConnection>
}

/** So much is read from the socket at a time. */
const READ_BYTES = 256 * 1024

/** The file name is empty where the source is to find the file. */
type Question = Pick<DumpQuestion, 'file' | 'position' | 'held'>

type Visit = (event: SkimmedEvent) => 'more' | 'enough'

/** Shows the events from a place on until `visit` has enough or the source has no more. */
async function examine(examiner: Examiner, question: Question, visit: Visit): Promise<void> {
  const connection = await examiner.connect()
  const command = await examiner.flavor.askForDump(connection, {
    ...question,
    flags: DumpFlag.NON_BLOCK | DumpFlag.HEARTBEAT_V2,
    serverId: examiner.serverId,
  })
  const raw = connection.takeOver()
  const close = (): void => raw.close()
  examiner.signal.addEventListener('abort', close, { once: true })
  let cancel = examiner.clock.after(examiner.silenceMs, close)
  try {
    await new Promise<void>((resolve, reject) => {
      let done = false
      const skimmer = new EventSkimmer(examiner.keptBytesMax, (event) => {
        if (!done) done = visit(event) === 'enough'
      })
      const take = (bytes: Buffer): void => {
        cancel()
        cancel = examiner.clock.after(examiner.silenceMs, close)
        try {
          skimmer.push(bytes)
        } catch (error) {
          // What comes behind the event that was enough does not matter any more.
          if (!done) reject(error)
          done = true
        }
        if (done || skimmer.ended) resolve()
      }
      raw.receive({
        target: Buffer.allocUnsafe(READ_BYTES),
        arrived() {
          for (let bytes = raw.read(); bytes !== undefined; bytes = raw.read()) {
            take(bytes)
            if (done) break
          }
        },
        ended: (error) => reject(lost(examiner, error)),
      })
      raw.write(encodePackets(command, 0))
    })
  } finally {
    cancel()
    examiner.signal.removeEventListener('abort', close)
    raw.close()
  }
}

function lost({ address }: Examiner, error: Error | undefined): OperationalError {
  return new OperationalError(
    'E_SOURCE_CLOSED',
    `source ${address} closed the connection while its binlog was examined` +
      (error === undefined ? '' : `: ${error.message}`),
    { source: address },
  )
}

/**
 * Looks whether the source's bytes are ours at our last transaction, or, where our file has none yet, whether nothing
 * is missing before the source's; and whether it has the file at all.
 */
export async function prove(
  examiner: Examiner,
  holdings: Holdings,
  at: SourcePlace,
): Promise<Proof> {
  let found: Proof | undefined
  let checksum: ChecksumAlgorithm = 'NONE'
  const { last } = holdings
  try {
    await examine(examiner, { ...at, held: GtidSet.empty() }, (event) => {
      if (event.type === EventType.FORMAT_DESCRIPTION) {
        ;({ checksum } = decodeFormatDescription(event.bytes))
        return 'more'
      }
      const what = `${eventTypeName(event.type)} of ${event.size} bytes`
      found =
        last === undefined
          ? proofByHead(event, holdings, checksum)
          : proofByLast(event, last.event, what)
      return found === undefined ? 'more' : 'enough'
    })
  } catch (error) {
    if (!(error instanceof DumpRefused)) throw error
    if (error.refusal === 'file-gone') return { kind: 'file-gone' }
    if (error.refusal === 'shorter') return { kind: 'shorter' }
    if (error.refusal === 'unreadable') return { kind: 'others', found: 'no event begins there' }
    if (error.refusal === 'anonymous') return { kind: 'others', found: 'no GTIDs' }
    throw dumpError(error, examiner.address)
  }
  if (found !== undefined) return found
  // A file that ends right there does not have our last transaction; but a source that shuts down ends
  // a dump in the same way. Only the end of a file makes it refuse what lies behind.
  const behind = last === undefined ? holdings.next.position : at.position + 1
  if (await endsBefore(examiner, { ...at, position: behind })) return { kind: 'shorter' }
  throw lost(examiner, undefined)
}

/** @param found what to call the event where it is not our last one */
function proofByLast(event: SkimmedEvent, last: Buffer, found: string): Proof {
  if (sameEvent(event.bytes, last)) return { kind: 'ours' }
  if (checksumMatches(last)) requireTrue(event)
  return { kind: 'others', found }
}

/**
 * Of a file that we have no transaction of: what it says was before it would be passed over; and where ours is its
 * mirror it must have none either, up to where it is to be gone on with.
 */
function proofByHead(
  event: SkimmedEvent,
  { held, form, next }: Holdings,
  checksum: ChecksumAlgorithm,
): Proof | undefined {
  const { type, file, position, size, bytes } = event
  if (file !== next.file) return { kind: 'shorter' }
  if (isGtidEvent(type)) return { kind: 'others', found: `a transaction at ${position}` }
  if (isPreviousGtids(type)) {
    if (checksum === 'CRC32') requireTrue(event)
    const missing = decodePreviousGtids(bytes, checksum).subtract(held)
    if (!missing.isEmpty) {
      return { kind: 'others', found: `it begins behind ${missing.toLine()}, which is not here` }
    }
  }
  // Behind the place begins what a crash has left us half a head without.
  const isThere = position >= next.position || position + size === next.position
  if (form !== 'mirrored' || isThere) return { kind: 'ours' }
  if (position + size < next.position) return undefined
  return { kind: 'others', found: `no event ends at ${next.position}` }
}

async function endsBefore(examiner: Examiner, at: SourcePlace): Promise<boolean> {
  try {
    await examine(examiner, { ...at, held: GtidSet.empty() }, () => 'enough')
  } catch (error) {
    if (!(error instanceof DumpRefused)) throw error
    return error.refusal === 'shorter'
  }
  return false
}

/**
 * Looks whether our last transaction is the source's, wherever that has it: asks for what we would lack without it.
 * A source that has purged it cannot be asked, nor one that tells no transaction from those before it.
 */
export async function proveLast(examiner: Examiner, { held, last }: Holdings): Promise<Proof> {
  if (last === undefined || held.flavor === 'mariadb') return { kind: 'file-gone' }
  const checksum = checksumMatches(last.event) ? 'CRC32' : 'NONE'
  const { gtid } = decodeGtidEvent(last.event, checksum)
  if (gtid === undefined) return { kind: 'file-gone' }
  const without = held.clone()
  const one = GtidSet.empty()
  one.add(gtid)
  without.removeAll(one)
  let proof: Proof = { kind: 'file-gone' }
  try {
    await examine(examiner, { file: '', position: FILE_START, held: without }, (event) => {
      if (!isGtidEvent(event.type)) return 'more'
      proof = proofByLast(event, last.event, `another ${formatGtid(gtid)}`)
      return 'enough'
    })
  } catch (error) {
    if (!(error instanceof DumpRefused)) throw error
    if (error.refusal !== 'purged') throw dumpError(error, examiner.address)
  }
  return proof
}

/** The source's oldest file, with the GTIDs of everything that came before it. */
export async function findOldest(examiner: Examiner): Promise<OldestFile> {
  return await readHead(examiner, { file: '', position: FILE_START, held: undefined })
}

/** The newest file of the source before which it has nothing but what is in the set. */
export async function findFileFor(examiner: Examiner, gtids: GtidSet): Promise<OldestFile> {
  return await readHead(examiner, { file: '', position: FILE_START, held: gtids })
}

async function readHead(examiner: Examiner, question: Question): Promise<OldestFile> {
  let head: OldestFile | undefined
  try {
    await examine(examiner, question, (event) => {
      if (!isPreviousGtids(event.type)) return 'more'
      head = {
        file: event.file,
        previousGtids: decodePreviousGtids(event.bytes, checksumOf(event)),
      }
      return 'enough'
    })
  } catch (error) {
    throw error instanceof DumpRefused ? dumpError(error, examiner.address) : error
  }
  if (head !== undefined) return head
  throw new ProtocolError(`the source's first binlog file has no PREVIOUS_GTIDS`)
}

/**
 * The oldest file that can be read with GTIDs. Files whose transactions have none (from before gtid_mode
 * was ON) are refused by the source, which names them; so the next name is tried, until one is good.
 */
export async function findOldestReadable(examiner: Examiner): Promise<OldestFile> {
  let head = await findOldest(examiner)
  if (!examiner.flavor.hasAnonymous) return head
  for (let tried = 0; tried < UNREADABLE_FILES_MAX; tried += 1) {
    const refused = await firstTransactionRefused(examiner, head.file)
    if (refused === undefined) return head
    const next = { file: nextFileName(refused), position: FILE_START, held: GtidSet.empty() }
    head = await readHead(examiner, next)
  }
  throw new ProtocolError(`more than ${UNREADABLE_FILES_MAX} files of the source have no GTIDs`)
}

/** A source with more old files than this without GTIDs is begun at a GTID set instead. */
const UNREADABLE_FILES_MAX = 10_000

async function firstTransactionRefused(
  examiner: Examiner,
  file: string,
): Promise<string | undefined> {
  try {
    await examine(examiner, { file, position: FILE_START, held: GtidSet.empty() }, ({ type }) =>
      type === EventType.GTID || type === EventType.GTID_TAGGED ? 'enough' : 'more',
    )
    return undefined
  } catch (error) {
    if (!(error instanceof DumpRefused)) throw error
    if (error.refusal === 'anonymous') return refusedFile(error.err) ?? file
    throw dumpError(error, examiner.address)
  }
}

/**
 * The first transaction of the source's binlog that is not in the set, or its end. What lies before it in
 * its file is read through, since only that tells which transactions are before it.
 */
export async function findBehind(examiner: Examiner, gtids: GtidSet): Promise<Beginning> {
  const { file, previousGtids } = await findFileFor(examiner, gtids)
  const before = previousGtids.clone()
  let place: SourcePlace = { file, position: FILE_START }
  let checksum: ChecksumAlgorithm = 'CRC32'
  let mirrored = true
  try {
    await examine(examiner, { file, position: FILE_START, held: GtidSet.empty() }, (event) => {
      if (event.file !== file) return 'enough'
      if (event.type === EventType.FORMAT_DESCRIPTION) {
        ;({ checksum } = decodeFormatDescription(event.bytes))
      }
      const gtid = gtidOf(event, checksum)?.gtid
      if (gtid !== undefined) {
        if (!gtids.has(gtid)) return 'enough'
        before.add(gtid)
        mirrored = false
      }
      place = { file, position: event.position + event.size }
      return 'more'
    })
  } catch (error) {
    throw error instanceof DumpRefused ? dumpError(error, examiner.address) : error
  }
  // With nothing before the place but the file's own head, the file is taken whole.
  return { place: mirrored ? { file, position: FILE_START } : place, purged: before }
}

function gtidOf(event: SkimmedEvent, checksum: ChecksumAlgorithm): GtidEvent | undefined {
  if (!isGtidEvent(event.type)) return undefined
  if (checksum === 'CRC32') requireTrue(event)
  return decodeGtidEvent(event.bytes, checksum)
}

/** What was damaged on its way says nothing about the source: it is looked at again. */
function requireTrue({ type, file, position, size, bytes }: SkimmedEvent): void {
  if (bytes.length < size || checksumMatches(bytes)) return
  throw new ProtocolError(
    `the checksum of the event of type ${type} at ${file}:${position} of the source is wrong`,
  )
}

function checksumOf(event: SkimmedEvent): ChecksumAlgorithm {
  return checksumMatches(event.bytes) ? 'CRC32' : 'NONE'
}
