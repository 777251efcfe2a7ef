/*
  Where to go on with a source of which something is held already: a pure function over facts, which are
  gathered one by one as the answer asks for them. To go on means that the file continues byte for byte, so
  that ROTATE and STOP arrive too; it is allowed only where the source's history contains ours. Another server
  whose history contains ours goes on with what it has besides, in files of its own.
*/
import { OperationalError } from '../lib/index.ts'
import { compareFileNames, EventType, type GtidSet } from '../mysql/index.ts'
import type { Holdings, SourcePlace } from './holdings.ts'

/** What the source is and has. */
export interface SourceFacts {
  readonly address: string
  readonly uuid: string
  /** read before `executed`: a transaction that waits for our acknowledgement stands only here */
  readonly owned: GtidSet
  readonly executed: GtidSet
  /** what it has no binlog file of any more, as far as it says so */
  readonly purged: GtidSet
}

/** What a look at the source's file, at our last transaction, has found. */
export type Proof =
  /** the bytes there are ours */
  | { readonly kind: 'ours' }
  /** they are not, and this is what stands there */
  | { readonly kind: 'others'; readonly found: string }
  /** the file ends before that place */
  | { readonly kind: 'shorter' }
  /** the source does not have the file (any more) */
  | { readonly kind: 'file-gone' }

/** The source's oldest file. */
export interface OldestFile {
  readonly file: string
  readonly previousGtids: GtidSet
}

export type ResumeStep =
  /** look at the source's file, then ask again */
  | { readonly kind: 'prove'; readonly at: SourcePlace }
  /** look whether our last transaction is the source's, then ask again */
  | { readonly kind: 'prove-last' }
  /** look for the source's oldest file, then ask again */
  | { readonly kind: 'find-oldest' }
  /** go on in the same file */
  | { readonly kind: 'continue'; readonly at: SourcePlace }
  /** nothing is missing before this file: begin it as a new one */
  | { readonly kind: 'begin'; readonly at: SourcePlace }
  /** take whatever is not held yet */
  | { readonly kind: 'select' }

export interface ResumeFacts {
  readonly source: SourceFacts
  readonly proof: Proof | undefined
  /** of our last transaction, wherever the source has it */
  readonly lastProof: Proof | undefined
  readonly oldest: OldestFile | undefined
}

/** @throws OperationalError E_SOURCE_OTHER, E_SOURCE_DIVERGED, E_SOURCE_SHORTER, E_SOURCE_PURGED */
export function decideResume(holdings: Holdings, facts: ResumeFacts): ResumeStep {
  const { source, proof } = facts
  checkHistory(holdings, source)
  const isOther = source.uuid !== holdings.sourceUuid
  if (isOther && !isProvable(holdings)) return select(holdings, source)
  if (holdings.form === 'selected') return goOnSelecting(holdings, facts)
  const at = holdings.last?.place ?? { file: holdings.next.file, position: FILE_START }
  if (proof === undefined) return { kind: 'prove', at }
  if (isOther && proof.kind !== 'ours') return select(holdings, source)
  switch (proof.kind) {
    case 'ours':
      // No transaction was compared, and PREVIOUS_GTIDS lack what the server has by gtid_purged only.
      if (holdings.last === undefined) refusePurged(holdings, source)
      return { kind: 'continue', at: holdings.next }
    case 'others':
      return goOnElsewhere(holdings, facts, othersBytes(at, proof.found, source))
    case 'shorter':
      return goOnElsewhere(holdings, facts, sourceShorter(at, source.address))
    case 'file-gone':
      return beginOldest(holdings, facts)
  }
}

/** Position of the first event of a file. */
export const FILE_START = 4

/** A copy of the source, or a Kingbus behind the same source, goes by another uuid and has the same bytes. */
function isProvable({ form, last }: Holdings): boolean {
  return form === 'mirrored' && last !== undefined
}

function checkHistory(holdings: Holdings, source: SourceFacts): void {
  const lacking = holdings.held.subtract(source.owned).subtract(source.executed)
  if (lacking.isEmpty) return
  const gtids = lacking.toLine()
  if (source.uuid === holdings.sourceUuid) throw lostTail(gtids, source)
  throw new OperationalError(
    'E_SOURCE_OTHER',
    `source ${source.address} is another server (server_uuid ${source.uuid}) than the one whose binlog is ` +
      `stored here (${holdings.sourceUuid}), and lacks transactions that are stored here: ${gtids}; let it ` +
      'fetch them from here as a replica first, or follow a server that has them (kingbus source set)',
    { source: source.address, found: source.uuid, expected: holdings.sourceUuid, lacking: gtids },
  )
}

function lostTail(lacking: string, { address }: SourceFacts): OperationalError {
  return new OperationalError(
    'E_SOURCE_DIVERGED',
    `source ${address} lacks transactions that are stored here: ${lacking}; it was set back or has lost them ` +
      'in a crash. What is stored here is kept and served: promote a replica that has them, and follow it ' +
      '(kingbus source set); or, where they are to be given up, start with an empty data directory',
    { source: address, lacking },
  )
}

/** Its file has no place that could be compared, but the transaction itself is the source's to the byte. */
function goOnSelecting(holdings: Holdings, { source, lastProof }: ResumeFacts): ResumeStep {
  if (holdings.last !== undefined && lastProof === undefined) return { kind: 'prove-last' }
  if (lastProof?.kind === 'others') throw othersBytes(holdings.next, lastProof.found, source)
  return select(holdings, source)
}

function select(holdings: Holdings, source: SourceFacts): ResumeStep {
  refusePurged(holdings, source)
  return { kind: 'select' }
}

function refusePurged({ held }: Holdings, { address, purged }: SourceFacts): void {
  const missing = purged.subtract(held)
  if (missing.isEmpty) return
  throw new OperationalError(
    'E_SOURCE_PURGED',
    `source ${address} has purged transactions that are missing here: ${missing.toLine()}; follow a server that ` +
      'still has them, or start with an empty data directory',
    { source: address, missing: missing.toLine() },
  )
}

/** Its files were made anew, and by our last transaction the history is the same still; or else `refusal` is thrown. */
function goOnElsewhere(
  holdings: Holdings,
  { source, lastProof }: ResumeFacts,
  refusal: OperationalError,
): ResumeStep {
  if (holdings.last !== undefined && lastProof === undefined) return { kind: 'prove-last' }
  if (lastProof?.kind !== 'ours') throw refusal
  return select(holdings, source)
}

function beginOldest(holdings: Holdings, facts: ResumeFacts): ResumeStep {
  const { source, oldest } = facts
  if (oldest === undefined) return { kind: 'find-oldest' }
  const missing = oldest.previousGtids.subtract(holdings.held)
  if (missing.isEmpty) {
    // Its files were made anew: what is held would come again, or under a name that is behind ours.
    const there = holdings.held.subtract(oldest.previousGtids).subtract(source.purged)
    const isLater = compareFileNames(oldest.file, holdings.next.file) > 0
    if (!there.isEmpty || !isLater) return goOnSelecting(holdings, facts)
    return { kind: 'begin', at: { file: oldest.file, position: FILE_START } }
  }
  throw new OperationalError(
    'E_SOURCE_PURGED',
    `source ${source.address} purged ${holdings.next.file}, and with it transactions that are missing here: ` +
      `${missing.toLine()}; start with an empty data directory, and let the source keep its binlog longer`,
    { source: source.address, file: holdings.next.file, missing: missing.toLine() },
  )
}

function othersBytes(at: SourcePlace, found: string, source: SourceFacts): OperationalError {
  return new OperationalError(
    'E_SOURCE_DIVERGED',
    `source ${source.address} has other bytes than ours at ${at.file}:${at.position} (${found}): its binlog ` +
      'was made anew; what is stored here is kept and served',
    { source: source.address, file: at.file, position: at.position },
  )
}

/** The source's file ends before a place that is stored here. */
function sourceShorter(at: SourcePlace, source: string): OperationalError {
  return new OperationalError(
    'E_SOURCE_SHORTER',
    `source ${source} has less of ${at.file} than is stored here (${at.position} bytes): it has lost the end ` +
      'of its binlog, perhaps in a crash with sync_binlog other than 1; what is stored here is kept and served',
    { source, file: at.file, position: at.position },
  )
}

const LOG_POS_START = 13
const LOG_POS_END = 17
const HEADER_SIZE = 19
const CREATED_START = HEADER_SIZE + 2 + 50
const CREATED_END = CREATED_START + 4
const CHECKSUM_SIZE = 4

/**
 * Whether two events are the same but for what a source or Kingbus may have changed in one of them: log_pos and
 * what hangs on it (the checksum, which both events must have or both not have), and in a FORMAT_DESCRIPTION also
 * `created`.
 */
export function sameEvent(a: Buffer, b: Buffer): boolean {
  if (a.length !== b.length || a.length < HEADER_SIZE + CHECKSUM_SIZE) return false
  return faceless(a).equals(faceless(b))
}

function faceless(event: Buffer): Buffer {
  const copy = Buffer.from(event.subarray(0, event.length - CHECKSUM_SIZE))
  copy.fill(0, LOG_POS_START, LOG_POS_END)
  if (event[4] === EventType.FORMAT_DESCRIPTION) copy.fill(0, CREATED_START, CREATED_END)
  return copy
}
