/*
  `log.json` beside the files of a replicated log: what no file can say. Where the log begins and the lineage up to
  there; the records before the first file; purges that wait in files that are closed; records that came without
  their bytes. Replaced as a whole, always
  before the work that it speaks of.
*/
import {
  decodeCheckedJson,
  encodeCheckedJson,
  messageOf,
  OperationalError,
} from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { FIRST_DIGEST } from '../index-file/running-digest.ts'
import type { LogBase, LogPoint } from './log-record.ts'

const NAME = 'log.json'

/** From a record on, the newest file has fewer bytes than its records: a committed cut that follows has taken them. */
export interface LogGap {
  readonly file: string
  /** the first record that lacks bytes, and where it begins */
  readonly sequence: number
  readonly start: number
  /** where the file ends */
  readonly position: number
}

export interface LogFacts {
  readonly version: number
  readonly base: LogBase
  /** up to the base */
  readonly lineage: readonly LogPoint[]
  /** the epochs of the records behind the base and before the first file: each an epoch-start */
  readonly preface: readonly number[]
  /**
   * The lineage up to the last record of the newest closed file. The indexes say it too; it is here for the case that
   * one of them is damaged. Written when a file is closed.
   */
  readonly closed: readonly LogPoint[]
  readonly purges: ReadonlyArray<{ readonly sequence: number; readonly upTo: string }>
  /** records whose bytes had been cut away when they came; until their cut is there */
  readonly gap?: LogGap | undefined
  /** a cut whose bytes are gone, or to go, though its index may not say so: what followed it was taken back */
  readonly cutDone?: number | undefined
  /** the log begins anew at the base: every file is to go */
  readonly isStartingOver: boolean
}

export const EMPTY_LOG: LogFacts = {
  version: 1,
  base: {
    epoch: 0,
    sequence: 0,
    digest: FIRST_DIGEST.toString('hex'),
    tail: { end: 0, boundary: 0 },
  },
  lineage: [],
  preface: [],
  closed: [],
  purges: [],
  isStartingOver: false,
}

export async function writeLogFacts(disk: Disk, folder: string, facts: LogFacts): Promise<void> {
  await disk.replaceFile(`${folder}/${NAME}`, encodeCheckedJson(facts))
}

/** Whether the folder is the log of a cluster's node, and not the store of one that is alone. */
export async function isLog(disk: Disk, folder: string): Promise<boolean> {
  return await disk.exists(`${folder}/${NAME}`)
}

/**
 * For whoever is alone: records taken without the others would be of no cluster.
 * @throws OperationalError E_CONFIG_INVALID when the folder is the log of a cluster's node
 */
export async function refuseLog(disk: Disk, folder: string): Promise<void> {
  if (!(await isLog(disk, folder))) return
  const message =
    `${folder} is the log of a node of a cluster (${NAME} is there), and the configuration has no cluster.peer-url: ` +
    'a node that is alone would take records that the others lack; set cluster.* again, or give another data-dir'
  throw new OperationalError('E_CONFIG_INVALID', message, { file: `${folder}/${NAME}` })
}

/** Undefined when there are none. @throws OperationalError E_STORE_FORMAT, E_STORE_DAMAGED */
export async function readLogFacts(disk: Disk, folder: string): Promise<LogFacts | undefined> {
  if (!(await isLog(disk, folder))) return undefined
  const path = `${folder}/${NAME}`
  const facts = parse(path, (await disk.readFile(path)).toString('utf8'))
  if (facts.version === 1) return { ...EMPTY_LOG, ...facts }
  const message = `${path} has format version ${facts.version}; this program knows 1`
  throw new OperationalError('E_STORE_FORMAT', message, { file: path })
}

function parse(path: string, text: string): LogFacts {
  let why = 'it has no version'
  try {
    const fields = decodeCheckedJson(text)
    if ('version' in fields) return fields as unknown as LogFacts
  } catch (thrown) {
    why = messageOf(thrown)
  }
  const message =
    `${path} is not readable, and without it nobody knows where the log begins: ${why}; ` +
    'let this node join anew with an empty data directory'
  throw new OperationalError('E_STORE_DAMAGED', message, { file: path })
}
