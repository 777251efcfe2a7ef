/*
  What a node of a cluster keeps durably beside its log (rules 4, 10, 11), in a small file of its own that is replaced
  as a whole. A file that cannot be read is never taken for a node that has promised nothing.
*/
import { decodeCheckedJson, messageOf, OperationalError } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { type DurableFacts, NO_FACTS } from '../protocol/log/durable-facts.ts'
import { readKept, replaceKept } from './kept-file.ts'

const VERSION = 1

type Fields = Readonly<Record<string, unknown>>

interface Kept {
  readonly facts: DurableFacts
  /** the last record that was committed and durable in the log beside it: it is never taken back */
  readonly held: number
}

/**
 * @param path DATA-DIR/cluster.json
 * @param durable end of the log beside it, of which everything is durable; 0 when nobody looked
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function writeFacts(
  disk: Disk,
  path: string,
  facts: DurableFacts,
  durable: number,
): Promise<void> {
  const held = Math.min(facts.known, durable)
  await replaceKept(disk, path, { version: VERSION, ...facts, held })
}

/** `NO_FACTS` when there is no file. @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT, E_STORE_WRITE */
export async function readFacts(disk: Disk, path: string): Promise<DurableFacts> {
  return (await readAll(disk, path)).facts
}

/**
 * The record that the log beside it must still have, or be purged behind; 0 when nobody knows of one.
 * @throws OperationalError as readFacts
 */
export async function readHeld(disk: Disk, path: string): Promise<number> {
  return (await readAll(disk, path)).held
}

async function readAll(disk: Disk, path: string): Promise<Kept> {
  const text = await readKept(disk, path)
  if (text === undefined) return { facts: NO_FACTS, held: 0 }
  const fields = fieldsOf(path, text)
  const { version } = fields
  if (typeof version === 'number' && version !== VERSION) {
    const message = `${path} has format version ${version}; this program knows ${VERSION}`
    throw new OperationalError('E_STORE_FORMAT', message, { file: path })
  }
  const facts = version === VERSION ? factsOf(fields) : undefined
  // A file of before there was such a field says nothing.
  const held = fields['held'] ?? 0
  if (facts !== undefined && isCount(held)) return { facts, held }
  throw unreadable(path, 'a field is missing, or is not what it should be')
}

function fieldsOf(path: string, text: string): Fields {
  try {
    return decodeCheckedJson(text)
  } catch (thrown) {
    throw unreadable(path, messageOf(thrown))
  }
}

function unreadable(path: string, why: string): OperationalError {
  const message =
    `${path} is not readable, so nobody knows what this node has promised: ${why}; ` +
    'let it join anew with an empty data directory'
  return new OperationalError('E_STORE_DAMAGED', message, { file: path })
}

function factsOf({ promised, known, cluster, seen }: Fields): DurableFacts | undefined {
  const { epoch, version } =
    typeof seen === 'object' && seen !== null ? ({ ...seen } as Fields) : {}
  if (!isCount(promised) || !isCount(known) || !isCount(epoch) || !isCount(version))
    return undefined
  if (cluster !== undefined && typeof cluster !== 'string') return undefined
  return { promised, known, cluster, seen: { epoch, version } }
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0
