import {
  Backoff,
  type LogFields,
  type Logger,
  messageOf,
  OperationalError,
  systemCodeOf,
  Watch,
  type Watched,
} from '../../../lib/index.ts'
import type {
  CertificateAndKey,
  Child,
  Clock,
  Disk,
  Processes,
  Random,
} from '../../../platform/index.ts'
import { type Authority, CLUSTER_SERVER_NAME } from '../../authority.ts'
import type { EtcdTls } from '../client/endpoint.ts'
import { EtcdClient } from '../client/etcd-client.ts'
import { checkBinary } from './etcd-binary.ts'
import { MemberFiles } from './member-files.ts'
import { MemberLog } from './member-log.ts'
import { deviations, type MemberSettings } from './member-settings.ts'
import { endOrphan } from './orphan.ts'

export interface EtcdMemberOptions {
  /** path of etcd, or its name on the PATH */
  readonly binary: string
  /** the node's data directory */
  readonly dataDir: string
  readonly settings: MemberSettings
  readonly authority: Authority
  readonly disk: Disk
  readonly processes: Processes
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export type MemberState =
  | { readonly phase: 'starting'; readonly pid?: number }
  /** takes part in the cluster, and answers */
  | { readonly phase: 'ready'; readonly pid: number }
  /** ended by itself; started again after a pause */
  | { readonly phase: 'waiting'; readonly error: OperationalError }
  /** the others removed it; it is not started again */
  | { readonly phase: 'removed' }
  /** needs the operator */
  | { readonly phase: 'failed'; readonly error: OperationalError }
  | { readonly phase: 'stopped' }

/** So often the files of a member are tried to be written that the disk refuses. */
const FILES_RETRY_MS = 1000
const RESTART = { firstMs: 250, mostMs: 30_000 }
/** A member that ran for so long starts again at once when it ends. */
const STEADY_MS = 10_000
const READINESS_STEP_MS = 50
/** So often a member that does not become ready says why. */
const TELL_MS = 10_000
/** etcd hands its leadership over first, which takes about a second. */
const STOP_PATIENCE_MS = 5000

/** Runs this node's member of the etcd cluster as a process of its own, and keeps it running. */
export class EtcdMember {
  readonly #options: EtcdMemberOptions
  readonly #files: MemberFiles
  readonly #state = new Watch<MemberState>({ phase: 'starting' })
  /** why its files could not be written, as was told last */
  #refusal: string | undefined

  constructor(options: EtcdMemberOptions) {
    this.#options = options
    this.#files = new MemberFiles(options.dataDir, options.disk)
  }

  /** The member that had its data in this data directory is given up for good: another may begin there. */
  static async forget(dataDir: string, disk: Disk): Promise<void> {
    await new MemberFiles(dataDir, disk).forgetJoined()
  }

  get state(): Watched<MemberState> {
    return this.#state
  }

  /**
   * Runs until the signal fires, or the others have removed this member. Rejects, with etcd ended,
   * when only the operator can help.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#prepare()
      const phase = await this.#keepRunning(signal)
      this.#state.set({ phase })
    } catch (thrown) {
      if (thrown instanceof OperationalError) this.#state.set({ phase: 'failed', error: thrown })
      throw thrown
    }
  }

  async #prepare(): Promise<void> {
    const { binary, processes, disk, clock, log } = this.#options
    const version = await checkBinary(processes, binary)
    await this.#files.makeFolder()
    const { hasData, hasJoined } = await this.#files.history()
    if (hasJoined && !hasData) throw this.#lost()
    await this.#noteJoined()
    await endOrphan({ lockPath: this.#files.lock, disk, processes, clock, log })
    log.info({ binary, version, folder: this.#files.dataFolder }, 'starting the member of etcd')
  }

  /** A member that forgot its votes could help to elect two leaders, so it must not come back empty. */
  #lost(): OperationalError {
    const folder = this.#files.dataFolder
    return new OperationalError(
      'E_ETCD_LOST',
      `${folder} had the data of this member of etcd, which are gone: bring them back, ` +
        'or remove this node from the cluster and add it anew with an empty data directory',
      { folder },
    )
  }

  async #keepRunning(signal: AbortSignal): Promise<'stopped' | 'removed'> {
    const { clock, random, log } = this.#options
    const backoff = new Backoff(RESTART, () => random.fraction())
    while (!signal.aborted) {
      const own = await this.#writeFiles()
      if (own === undefined) {
        await clock.sleep(FILES_RETRY_MS, signal)
        continue
      }
      this.#state.set({ phase: 'starting' })
      const beganMs = clock.monotonicMs()
      const run = await orRefusal(this.#runOnce(own, signal))
      await this.#noteJoined()
      if (signal.aborted) break
      if (run === 'removed') {
        log.warn({}, 'this node is no longer a member of etcd: the others have removed it')
        return 'removed'
      }
      if (clock.monotonicMs() - beganMs >= STEADY_MS) backoff.reset()
      const pauseMs = backoff.nextMs()
      log.warn({ code: run.code, pauseMs }, run.message)
      this.#state.set({ phase: 'waiting', error: run })
      await clock.sleep(pauseMs, signal)
    }
    return 'stopped'
  }

  /** Where the disk refuses it, it is left to the next time. */
  async #noteJoined(): Promise<void> {
    await orRefusal(this.#files.noteJoined())
  }

  /** What the process is started with; undefined while the disk refuses to take it. */
  async #writeFiles(): Promise<CertificateAndKey | undefined> {
    const { settings, authority, log } = this.#options
    const own = await orRefusal(this.#files.writeAll(settings, authority))
    const refusal = own instanceof OperationalError ? own : undefined
    const why = refusal && `${refusal.code} ${systemCodeOf(refusal.cause)}`
    if (why !== this.#refusal) {
      this.#refusal = why
      if (refusal === undefined) log.info({}, 'the files of the member of etcd are written again')
      else log.warn({ code: refusal.code }, `the member of etcd waits: ${refusal.message}`)
    }
    if (!(own instanceof OperationalError)) return own
    this.#state.set({ phase: 'waiting', error: own })
    return undefined
  }

  /** One life of the process, from its start to its end. */
  async #runOnce(
    own: CertificateAndKey,
    signal: AbortSignal,
  ): Promise<OperationalError | 'removed'> {
    const { settings, binary, clock } = this.#options
    const over = new AbortController()
    let wrong: string[] = []
    const memberLog = new MemberLog(this.#options.log, clock, (said: LogFields) => {
      wrong = deviations(settings, this.#files, said)
      if (wrong.length > 0) over.abort()
    })
    const child = await this.#start(memberLog)
    this.#state.set({ phase: 'starting', pid: child.pid })
    const stopping = AbortSignal.any([signal, over.signal])
    const ended = child.ended.finally(() => over.abort())
    const stopped = this.#stopWhen(stopping, child)
    await this.#waitUntilReady(child, own, stopping)
    const { code, signal: by } = await ended
    await stopped
    if (wrong.length > 0) {
      const message = `${binary} does not take its settings: ${wrong.join(', ')}`
      throw new OperationalError('E_ETCD_SETTINGS', message, { binary })
    }
    if (code === 0) return 'removed'
    const how = code === null ? `by ${by}` : `with code ${code}`
    const why = memberLog.lastTrouble ?? 'it did not say why'
    return new OperationalError('E_ETCD_EXITED', `etcd ended ${how}: ${why}`, { pid: child.pid })
  }

  async #start(memberLog: MemberLog): Promise<Child> {
    const { processes, binary } = this.#options
    const command = {
      program: binary,
      args: ['--config-file', this.#files.configuration],
      lockPath: this.#files.lock,
      outputPath: this.#files.output,
      // etcd reads settings from its environment as well; only what we write is to count.
      hiddenVariables: 'ETCD_',
      onLine: (line: string) => memberLog.take(line),
    }
    const child = await processes.start(command).catch((thrown: unknown) => {
      if (thrown instanceof OperationalError) throw thrown
      const message = `${binary} does not start: ${messageOf(thrown)}`
      throw new OperationalError('E_ETCD_BINARY', message, { binary }, { cause: thrown })
    })
    if (child !== undefined) return child
    const message = `another process runs etcd in ${this.#files.dataFolder}: stop it first`
    throw new OperationalError('E_ETCD_IN_USE', message, { folder: this.#files.dataFolder })
  }

  /** Ends the process when the signal fires, first kindly; the data survive either. */
  async #stopWhen(signal: AbortSignal, child: Child): Promise<void> {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
    child.signal('SIGTERM')
    const cancel = this.#options.clock.after(STOP_PATIENCE_MS, () => child.signal('SIGKILL'))
    await child.ended
    cancel()
  }

  /** A member is ready when it knows the leader and, where it has a vote, reads by way of it. */
  async #waitUntilReady(child: Child, own: CertificateAndKey, over: AbortSignal): Promise<void> {
    const { clock, authority, settings, log } = this.#options
    const { host } = new URL(settings.clientUrl)
    const tls = memberTls(authority, own)
    const client = new EtcdClient({ endpoints: [host], tls, clock })
    let tellAtMs = clock.monotonicMs() + TELL_MS
    try {
      while (!over.aborted) {
        const obstacle = await obstacleOf(client, host)
        if (obstacle === undefined) break
        if (clock.monotonicMs() >= tellAtMs) {
          log.warn({ pid: child.pid, obstacle }, 'the member of etcd is not ready yet')
          tellAtMs += TELL_MS
        }
        await clock.sleep(READINESS_STEP_MS, over)
      }
    } finally {
      client.close()
    }
    if (over.aborted) return
    await this.#noteJoined()
    log.info({ pid: child.pid }, 'the member of etcd is ready')
    this.#state.set({ phase: 'ready', pid: child.pid })
  }
}

/** What is tried again until the disk takes it: it is full, read-only or fails, or no file can be opened. */
async function orRefusal<T>(work: Promise<T>): Promise<T | OperationalError> {
  try {
    return await work
  } catch (thrown) {
    if (thrown instanceof OperationalError && thrown.reaction === 'pause') return thrown
    throw thrown
  }
}

/** How a node proves itself to the members that Kingbus runs, and knows them. */
export function memberTls(authority: Authority, own: CertificateAndKey): EtcdTls {
  const serverName = CLUSTER_SERVER_NAME
  return { ...own, authority: authority.certificate, serverName }
}

/** What keeps the member from being ready, in words; nothing when it is. */
async function obstacleOf(client: EtcdClient, address: string): Promise<string | undefined> {
  try {
    const { leader, errors, isLearner } = await client.status(address)
    if (leader === '0') return 'no majority of the members has elected a leader yet'
    if (errors.length > 0) return errors.join('; ')
    if (!isLearner) await client.read({ key: 'ready' }, address)
    return undefined
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown.message
    throw thrown
  }
}
