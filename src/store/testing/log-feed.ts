import { silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import type { Chunk } from '../record.ts'
import type { LogRecord } from '../replicated/log-record.ts'
import { ReplicatedLog } from '../replicated/replicated-log.ts'
import { beginOf } from './binlog-feed.ts'

export async function openLog(disk: Disk, folder: string, heldAtLeast = 0): Promise<ReplicatedLog> {
  const where = { disk, folder, storeId: 'store-1' }
  return await ReplicatedLog.open({ ...where, logger: silentLogger, heldAtLeast })
}

/** For tests: makes records behind a log, as a leader does, and keeps them as they travel. */
export class LogFeed {
  readonly log: ReplicatedLog
  /** without GTIDs, which do not travel */
  readonly sent: LogRecord[] = []
  epoch = 1
  #contact = GtidSet.empty()

  constructor(log: ReplicatedLog) {
    this.log = log
  }

  async file(name: string, purged?: GtidSet): Promise<void> {
    this.#contact = purged === undefined ? this.#contact : this.#contact.union(purged)
    const facts = { begin: beginOf(name, purged), contact: this.#contact }
    const fileBegin = { ...facts, held: this.log.heldGtids() }
    await this.append({ kind: 'file-begin', crc: 0, end: 4, boundary: 4, fileBegin })
  }

  async piece({ bytes, crc, boundary, timestamp, gtids }: Chunk): Promise<void> {
    const end = this.log.tail.end + bytes.length
    const known = gtids ?? GtidSet.empty()
    await this.append({ kind: 'bytes', crc, end, boundary, bytes, timestamp, gtids: known })
  }

  /** Gives up what is behind the last place between transactions. */
  async cut(): Promise<void> {
    const { boundary } = this.log.tail
    await this.append({ kind: 'cut', crc: 0, end: boundary, boundary })
  }

  async purge(upTo: string): Promise<void> {
    await this.append({ kind: 'purge', crc: 0, ...this.log.tail, upTo })
  }

  async append(fields: Omit<LogRecord, 'sequence' | 'epoch'>): Promise<void> {
    const record = { ...fields, sequence: this.log.end + 1, epoch: this.epoch }
    await this.log.append([record])
    const { gtids: _, bytes, ...rest } = record
    this.sent.push(bytes === undefined ? rest : { ...rest, bytes: Buffer.from(bytes) })
  }
}

/** All its records from one on, as they travel. */
export async function recordsOf(log: ReplicatedLog, from: number): Promise<LogRecord[]> {
  const reader = log.read(from)
  const found: LogRecord[] = []
  for (let one = await reader.next(); one !== undefined; one = await reader.next()) found.push(one)
  await reader.close()
  return found
}
