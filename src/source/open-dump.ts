/*
  From nothing to a running dump: log in, check what server it is, find the place to begin or to go on, ask
  for the dump. Connection A is opened first and will dump; whatever has to be looked at in the source's files
  is looked at on other connections, opened after it.
*/
import { OperationalError } from '../lib/index.ts'
import { DumpFlag, encodeComRegisterReplica, GtidSet } from '../mysql/index.ts'
import type { Clock, Random } from '../platform/index.ts'
import { DumpStream } from './dump-stream.ts'
import {
  type Examiner,
  findBehind,
  findOldest,
  findOldestReadable,
  prove,
  proveLast,
} from './examine.ts'
import { recognize } from './flavor/recognize.ts'
import type { SourceFlavor, SourceHistory } from './flavor/source-flavor.ts'
import { readVariables, type SourceVariables } from './flavor/source-variables.ts'
import type { Beginning, Holdings, SourcePlace, StartAt } from './holdings.ts'
import { introduce } from './introduce.ts'
import {
  findingsOf,
  type PreflightFinding,
  refuseProblems,
  type SourceProfile,
} from './preflight.ts'
import { decideResume, FILE_START, type OldestFile, type Proof } from './resume.ts'
import { askForSemiSync, type SemiSyncAnswer } from './semi-sync/ask-semi-sync.ts'
import { formatAddress, type ReplicaSelf, type SourceAddress } from './source-address.ts'
import { SourceConnection } from './source-connection.ts'
import type { SourceLimits } from './source-limits.ts'

export interface SourceOptions {
  readonly address: SourceAddress
  readonly self: ReplicaSelf
  readonly startAt: StartAt
  readonly semiSync: boolean
  readonly limits: SourceLimits
  readonly clock: Clock
  readonly random: Random
}

export interface OpenDump {
  readonly stream: DumpStream
  readonly profile: SourceProfile
  readonly variables: SourceVariables
  readonly findings: readonly PreflightFinding[]
  /** undefined where it is not wanted */
  readonly semiSync: SemiSyncAnswer | undefined
  /** set at the first contact: what is to be stored begins so */
  readonly beginning: Beginning | undefined
  /** where in the source's files the stream begins */
  readonly at: SourcePlace
  /** the stream continues the file that is there; otherwise it begins one, or `selects` */
  readonly continues: boolean
  /** the stream has what is not held, in whichever of the source's files that is; `at` is not known yet then */
  readonly selects: boolean
  /** what the source has no binlog file of any more */
  readonly purged: GtidSet
}

type Plan = Pick<OpenDump, 'at' | 'beginning' | 'continues' | 'selects'> & {
  /** our file does not mirror the source's */
  readonly relocates: boolean
}

/** @throws OperationalError with the codes E_SOURCE_*, DumpRefused, ProtocolError */
export async function openDump(
  options: SourceOptions,
  holdings: Holdings | undefined,
  signal: AbortSignal,
): Promise<OpenDump> {
  const { address, self, limits } = options
  const connection = await SourceConnection.open(address, limits, signal)
  const abort = (): void => connection.close()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const { profile, flavor } = await recognize(connection)
    refuseOtherFlavor(profile, holdings, formatAddress(address))
    const findings = findingsOf(profile, self)
    refuseProblems(findings, formatAddress(address))
    const variables = await readVariables(connection)
    await introduce(connection, self.uuid, limits.heartbeatMs)
    const semiSync = options.semiSync ? await askForSemiSync(connection) : undefined
    const history = await flavor.readHistory(connection)
    const examiner = examinerOf(options, flavor, signal)
    const plan = await planDump(
      options.startAt,
      holdings,
      { ...history, uuid: profile.uuid },
      examiner,
    )
    const dump = await flavor.askForDump(connection, {
      ...plan.at,
      flags: DumpFlag.HEARTBEAT_V2,
      serverId: self.serverId,
      held: (plan.selects ? holdings?.held : undefined) ?? GtidSet.empty(),
    })
    signal.throwIfAborted()
    return {
      stream: startDump(options, connection, {
        dump,
        plan,
        semiSync: semiSync?.marked ?? false,
      }),
      profile,
      variables,
      findings,
      semiSync,
      beginning: plan.beginning,
      at: plan.at,
      continues: plan.continues,
      selects: plan.selects,
      purged: history.purged,
    }
  } catch (error) {
    connection.close()
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Connects as a replica that nobody else is. */
export function examinerOf(
  options: Omit<SourceOptions, 'startAt' | 'semiSync'>,
  flavor: SourceFlavor,
  signal: AbortSignal,
): Examiner {
  const { address, self, limits, clock, random } = options
  return {
    clock,
    address: formatAddress(address),
    flavor,
    serverId: flavor.examinerId(self.serverId),
    keptBytesMax: limits.examinedEventBytes,
    silenceMs: limits.silenceMs,
    signal,
    async connect() {
      const connection = await SourceConnection.open(address, limits, signal)
      await introduce(connection, random.uuid(), 0)
      return connection
    },
  }
}

/**
 * Where the dump begins, and what becomes of its bytes.
 * @throws OperationalError E_SOURCE_OTHER, E_SOURCE_DIVERGED, E_SOURCE_SHORTER, E_SOURCE_PURGED, E_SOURCE_CLOSED;
 * DumpRefused, ProtocolError
 */
export async function planDump(
  startAt: StartAt,
  holdings: Holdings | undefined,
  history: SourceHistory & { readonly uuid: string },
  examiner: Examiner,
): Promise<Plan> {
  return holdings === undefined
    ? await planFirst(startAt, history, examiner)
    : await planResume(holdings, history, examiner)
}

async function planFirst(
  startAt: StartAt,
  history: SourceHistory,
  examiner: Examiner,
): Promise<Plan> {
  const beginning = await findBeginning(startAt, history, examiner)
  const relocates = beginning.place.position > FILE_START
  return { at: beginning.place, beginning, continues: false, selects: false, relocates }
}

async function findBeginning(
  startAt: StartAt,
  { executed, purged }: SourceHistory,
  examiner: Examiner,
): Promise<Beginning> {
  if (startAt === 'oldest') {
    const { file, previousGtids } = await findOldestReadable(examiner)
    return { place: { file, position: FILE_START }, purged: previousGtids.union(purged) }
  }
  const behind = startAt === 'newest' ? executed : startAt
  const lacking = behind.subtract(executed)
  if (!lacking.isEmpty) {
    throw new OperationalError(
      'E_SOURCE_DIVERGED',
      `source ${examiner.address} does not have all of the transactions to start behind: it lacks ` +
        `${lacking.toLine()}; correct source.start-at`,
      { source: examiner.address },
    )
  }
  const found = await findBehind(examiner, behind)
  return { place: found.place, purged: found.purged.union(purged) }
}

async function planResume(
  holdings: Holdings,
  history: SourceHistory & { readonly uuid: string },
  examiner: Examiner,
): Promise<Plan> {
  const source = { ...history, address: examiner.address }
  let proof: Proof | undefined
  let lastProof: Proof | undefined
  let oldest: OldestFile | undefined
  while (true) {
    const step = decideResume(holdings, { source, proof, lastProof, oldest })
    switch (step.kind) {
      case 'prove':
        proof = await prove(examiner, holdings, step.at)
        break
      case 'prove-last':
        lastProof = await proveLast(examiner, holdings)
        break
      case 'find-oldest':
        oldest = await findOldest(examiner)
        break
      case 'continue':
        return { ...SAME_FILE, at: step.at, relocates: holdings.form !== 'mirrored' }
      case 'begin':
        return { ...SAME_FILE, at: step.at, continues: false }
      case 'select':
        return { ...SAME_FILE, at: ANY_FILE, continues: false, selects: true, relocates: true }
    }
  }
}

const SAME_FILE = { beginning: undefined, continues: true, selects: false, relocates: false }
/** The source looks for the file by the GTIDs that it is told. */
const ANY_FILE: SourcePlace = { file: '', position: FILE_START }

/** A store has GTIDs of one kind. @throws OperationalError E_SOURCE_OTHER */
export function refuseOtherFlavor(
  { flavor, version }: SourceProfile,
  holdings: Holdings | undefined,
  source: string,
): void {
  const held = holdings?.held.flavor
  if (held === undefined || held === flavor) return
  const [is, was] = flavor === 'mariadb' ? ['MariaDB', 'MySQL'] : ['MySQL', 'MariaDB']
  throw new OperationalError(
    'E_SOURCE_OTHER',
    `source ${source} is ${is} (${version}), and what is stored here is the binlog of a ${was} server: a data ` +
      'directory has one kind of GTIDs; start with an empty one for this source',
    { source, version },
  )
}

interface StartDump {
  /** the payload of the command */
  readonly dump: Buffer
  readonly plan: Plan
  readonly semiSync: boolean
}

function startDump(
  { address, self, limits, clock }: SourceOptions,
  connection: SourceConnection,
  { dump, plan, semiSync }: StartDump,
): DumpStream {
  const { at, relocates } = plan
  return new DumpStream({
    connection: connection.takeOver(),
    clock,
    limits,
    address: formatAddress(address),
    register: encodeComRegisterReplica({
      serverId: self.serverId,
      host: '',
      user: '',
      password: '',
      port: 0,
    }),
    dump,
    decoder: { checksum: 'CRC32', start: at.position, semiSync, relocate: relocates },
  })
}
