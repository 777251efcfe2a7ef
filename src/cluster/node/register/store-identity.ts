/*
  `cluster-store.json` in the data directory: which store this is in the cluster (rule 13). Its id is that of the data
  directory until the directory turns out to be a copy; then it is another.
*/
import { decodeCheckedJson, messageOf, OperationalError } from '../../../lib/index.ts'
import type { Clock, Disk, Random } from '../../../platform/index.ts'
import { isPassing, type Register } from '../../etcd/index.ts'
import { readKept, replaceKept } from '../../log/kept-file.ts'
import { type StoreRecord, StoreStart } from '../../protocol/state/store-identity.ts'

const NAME = 'cluster-store.json'
const RETRY_MS = 500

export interface OpenedStore {
  readonly store: string
  /** one more at every start */
  readonly incarnation: number
}

export interface StoreIdentityOptions {
  readonly disk: Disk
  readonly random: Random
  readonly clock: Clock
  /** the data directory */
  readonly folder: string
  /** the id of a store that was never in a cluster */
  readonly storeId: string
  readonly register: Register
}

interface Kept extends StoreRecord {
  readonly version: 1
  readonly incarnation: number
}

/**
 * Takes the store for this start: etcd has a token for it that nobody else knows. A copy becomes another store.
 * Waits for etcd as long as it takes.
 */
export async function takeStore(
  options: StoreIdentityOptions,
  signal: AbortSignal,
): Promise<OpenedStore> {
  const { disk, folder, storeId, random } = options
  const path = `${folder}/${NAME}`
  const kept = await readRecord(disk, path)
  const incarnation = (kept?.incarnation ?? 0) + 1
  const write = async (record: StoreRecord): Promise<void> => {
    await replaceKept(disk, path, { version: 1, incarnation, ...record } satisfies Kept)
  }
  let record: StoreRecord = kept ?? { store: storeId, token: undefined, intended: [] }
  while (!(await start(options, record, write, signal))) {
    record = { store: random.uuid(), token: undefined, intended: [] }
  }
  return { store: record.store, incarnation }
}

/** @returns false when it is another store's copy */
async function start(
  { register, random, clock }: StoreIdentityOptions,
  record: StoreRecord,
  write: (record: StoreRecord) => Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  const key = register.store(record.store)
  const starting = new StoreStart(record, random.uuid())
  let step = starting.start()
  let seen: Awaited<ReturnType<typeof key.read>>
  for (;;) {
    signal.throwIfAborted()
    if (step.kind === 'done') return true
    if (step.kind === 'another') return false
    if (step.kind === 'write') {
      await write(step.record)
      step = starting.written()
      continue
    }
    try {
      if (step.kind === 'swap') await key.swap(seen, { token: step.token })
      seen = await key.read()
      const revision = Number(seen?.modRevision ?? 0n)
      step = starting.read({ revision, token: seen?.content.token })
    } catch (thrown) {
      if (!isPassing(thrown)) throw thrown
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

async function readRecord(disk: Disk, path: string): Promise<Kept | undefined> {
  const text = await readKept(disk, path)
  if (text === undefined) return undefined
  let why = 'a field is missing, or is not what it should be'
  try {
    const kept: Partial<Kept> = decodeCheckedJson(text)
    const { store, incarnation, intended, token } = kept
    if (typeof store === 'string' && Number.isSafeInteger(incarnation) && Array.isArray(intended)) {
      return { version: 1, store, incarnation: Number(incarnation), intended, token }
    }
  } catch (thrown) {
    why = messageOf(thrown)
  }
  const message =
    `${path} is not readable, so nobody knows which store this is: ${why}; ` +
    'remove it, and the node joins as another'
  throw new OperationalError('E_STORE_DAMAGED', message, { file: path })
}
