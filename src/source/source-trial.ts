/*
  Could Kingbus go on with this server? The link's own questions at a connect, on connections that end no dump of
  ours, without a dump. Nothing is changed by it, here or there.
*/
import { OperationalError } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import { type Examiner, findFileFor } from './examine.ts'
import { recognize } from './flavor/recognize.ts'
import type { SourceHistory } from './flavor/source-flavor.ts'
import { readPairs } from './flavor/source-variables.ts'
import type { Holdings } from './holdings.ts'
import { examinerOf, planDump, refuseOtherFlavor, type SourceOptions } from './open-dump.ts'
import {
  findingsOf,
  type PreflightFinding,
  refuseProblems,
  type SourceProfile,
} from './preflight.ts'
import { readIsReplica } from './replication-status.ts'
import { readSemiSyncPlugin } from './semi-sync/ask-semi-sync.ts'
import { formatAddress } from './source-address.ts'
import { SourceConnection } from './source-connection.ts'
import { explainFailure } from './source-error.ts'

/** What was found out before something spoke against the server; the rest is undefined. */
export interface SourceTrial {
  /** HOST:PORT */
  readonly address: string
  readonly profile?: SourceProfile
  readonly findings?: readonly PreflightFinding[]
  /** its semi-sync plugin */
  readonly semiSync?: 'on' | 'off' | 'absent'
  /** read_only or super_read_only; undefined where it says neither */
  readonly isReadOnly?: boolean
  readonly history?: SourceHistory
  /** held here, and not there */
  readonly lacking?: GtidSet
  /** there, and not held here */
  readonly ahead?: GtidSet
  /** of these, what it has no binlog file of any more */
  readonly missing?: GtidSet
  /** the file of the source that would be read first, and whether ours goes on with it */
  readonly begin?: { readonly sourceFile: string; readonly continues: boolean }
  /** why Kingbus would not go on with it */
  readonly refusal?: OperationalError
}

type Options = Omit<SourceOptions, 'semiSync'>

/** Rejects only with what is our own fault. */
export async function trySource(
  options: Options,
  holdings: Holdings | undefined,
  signal: AbortSignal,
): Promise<SourceTrial> {
  const address = formatAddress(options.address)
  let trial: SourceTrial = { address }
  try {
    for await (const found of questions(options, holdings, signal)) trial = { ...trial, ...found }
    return trial
  } catch (thrown) {
    return { ...trial, refusal: explainFailure(thrown, address) }
  }
}

async function* questions(
  options: Options,
  holdings: Holdings | undefined,
  signal: AbortSignal,
): AsyncGenerator<Partial<SourceTrial>> {
  const { limits, self } = options
  const address = formatAddress(options.address)
  const connection = await SourceConnection.open(options.address, limits, signal)
  const close = (): void => connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    const { profile, flavor } = await recognize(connection)
    const findings = findingsOf(profile, self)
    yield { profile, findings, ...(await readSettings(connection)) }
    refuseOtherFlavor(profile, holdings, address)
    const history = await flavor.readHistory(connection)
    yield { history, ...(holdings && compare(holdings.held, history)) }
    refuseProblems(findings, address)
    await refuseUnlogged(connection, address)
    const examiner = examinerOf(options, flavor, signal)
    const there = { ...history, uuid: profile.uuid }
    yield { begin: await findBegin(options, holdings, there, examiner) }
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

async function findBegin(
  options: Options,
  holdings: Holdings | undefined,
  history: SourceHistory & { readonly uuid: string },
  examiner: Examiner,
): Promise<NonNullable<SourceTrial['begin']>> {
  const plan = await planDump(options.startAt, holdings, history, examiner)
  const { at, continues, selects } = plan
  if (!selects || holdings === undefined) return { sourceFile: at.file, continues }
  const { file } = await findFileFor(examiner, holdings.held)
  const isOurs = holdings.sourceUuid === history.uuid && holdings.next.file === file
  return { sourceFile: file, continues: isOurs && holdings.form === 'selected' }
}

async function readSettings(
  connection: SourceConnection,
): Promise<Pick<SourceTrial, 'semiSync' | 'isReadOnly'>> {
  const plugin = await readSemiSyncPlugin(connection)
  const names = "'read_only', 'super_read_only'"
  const pairs = await readPairs(
    connection,
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
  )
  const state = plugin?.isOn === true ? 'on' : 'off'
  return {
    semiSync: plugin === undefined ? 'absent' : state,
    ...(pairs.size > 0 && { isReadOnly: [...pairs.values()].some((value) => value !== 'OFF') }),
  }
}

/** What it goes on to replicate would never come: its binlog has only what is written at itself. */
async function refuseUnlogged(connection: SourceConnection, source: string): Promise<void> {
  const names = "'log_replica_updates', 'log_slave_updates'"
  const sql = `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`
  const logs = [...(await readPairs(connection, sql)).values()]
  if (!logs.includes('OFF') || (await readIsReplica(connection)) !== true) return
  throw new OperationalError(
    'E_SOURCE_CONFIG',
    `source ${source}: it is a replica, and what it replicates is not in its binlog; start it with ` +
      'log_replica_updates, or make it no replica any more: STOP REPLICA; RESET REPLICA ALL',
    { source },
  )
}

/** Of what is stored here and what the server has, each without the other. */
export function compare(
  held: GtidSet,
  { owned, executed, purged }: SourceHistory,
): Required<Pick<SourceTrial, 'lacking' | 'ahead' | 'missing'>> {
  return {
    lacking: held.subtract(owned).subtract(executed),
    ahead: executed.subtract(held),
    missing: purged.subtract(held),
  }
}
