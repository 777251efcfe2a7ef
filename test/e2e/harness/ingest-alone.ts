import { join } from 'node:path'
import { Ingest } from '../../../src/ingest/index.ts'
import { type Chunk, LocalJournal } from '../../../src/journal/index.ts'
import { OperationalError, silentLogger } from '../../../src/lib/index.ts'
import { dial, systemClock, systemDisk, systemRandom } from '../../../src/platform/index.ts'
import {
  SOURCE_LIMITS,
  type SourceLimits,
  SourceLink,
  type StartAt,
  type TlsMode,
} from '../../../src/source/index.ts'
import { Store } from '../../../src/store/index.ts'
import { replicationPassword, replicationUser } from './mysqld.ts'
import { makeRunFolder } from './project.ts'
import { waitFor } from './wait.ts'

export interface IngestAloneOptions {
  /** port of the source, or of a proxy before it */
  readonly port: number
  /** of an earlier one that was stopped; a fresh one otherwise */
  readonly folder?: string
  readonly startAt?: StartAt
  readonly semiSync?: boolean
  readonly tls?: TlsMode
  readonly authorities?: Buffer
  readonly limits?: Partial<SourceLimits>
}

/** A journal whose disk is full while the test says so. */
class FullableJournal extends LocalJournal {
  full = false
  refusals = 0

  override append(chunk: Chunk): Promise<number> {
    if (!this.full) return super.append(chunk)
    this.refusals += 1
    return Promise.reject(new OperationalError('E_DISK_FULL', 'the disk is full, says the test'))
  }
}

const TEST_LIMITS: SourceLimits = { ...SOURCE_LIMITS, retryFirstMs: 50, retryMostMs: 500 }

/** Kingbus's side towards the source, in this process: no replicas, no admin. */
export class IngestAlone {
  readonly folder: string
  readonly link: SourceLink
  readonly ingest: Ingest
  readonly journal: FullableJournal
  readonly store: Store
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>

  static async start(options: IngestAloneOptions): Promise<IngestAlone> {
    const folder = options.folder ?? join(makeRunFolder('ingest'), 'binlogs')
    await systemDisk.makeFolder(folder)
    const logger = silentLogger
    const store = await Store.open({ disk: systemDisk, folder, storeId: 'test', logger })
    return new IngestAlone(options, folder, store)
  }

  private constructor(options: IngestAloneOptions, folder: string, store: Store) {
    this.folder = folder
    this.store = store
    this.journal = new FullableJournal(store)
    this.link = new SourceLink(
      {
        address: {
          dial,
          host: '127.0.0.1',
          port: options.port,
          user: replicationUser,
          password: () => replicationPassword,
          tls: { mode: options.tls ?? 'preferred', authorities: () => options.authorities },
        },
        self: { serverId: 4711, uuid: 'aaaaaaaa-0000-4000-8000-000000004711' },
        startAt: options.startAt ?? 'oldest',
        semiSync: options.semiSync ?? false,
        limits: { ...TEST_LIMITS, ...options.limits },
        clock: systemClock,
        random: systemRandom,
      },
      silentLogger,
    )
    this.ingest = new Ingest({
      link: this.link,
      journal: this.journal,
      clock: systemClock,
      logger: silentLogger,
      roomRetryMs: 100,
      heldByReplicas: undefined,
    })
    this.#running = this.ingest.run(this.#stopping.signal)
  }

  /** Waits until these transactions, or these and more, are shown. */
  async caughtUp(executed: string, timeoutMs = 60_000): Promise<void> {
    const wanted = executed.replaceAll('\n', '')
    await waitFor(
      {
        what: `${wanted} to be stored`,
        timeoutMs,
        stepMs: 20,
        explain: () =>
          `here is ${this.store.executed().toString()}; ${JSON.stringify(this.link.state.value)}`,
      },
      async () => {
        const { phase, reason } = this.link.state.value
        if (phase === 'failed') throw new Error(`the link has failed: ${reason}`)
        return this.store.executed().toString().replaceAll('\n', '') === wanted
      },
    )
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.journal.settled()
    await this.store.close()
  }
}
