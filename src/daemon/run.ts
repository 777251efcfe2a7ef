/*
  The life of one node: build, open, run until told to stop, end cleanly. A bug in any part ends the process at
  once with code 70: what is on the disk is what the next start trusts.
*/
import { setMaxListeners } from 'node:events'
import { type AdminApp, buildAdmin, listenAdmin } from '../admin/index.ts'
import { type LoadedConfig, type Secrets, SHUTDOWN_WAIT_MS } from '../config/index.ts'
import { type Logger, messageOf, OperationalError } from '../lib/index.ts'
import { createLogger } from '../observe/index.ts'
import {
  type Disk,
  DiskFigures,
  measuredDisk,
  systemClock,
  systemRandom,
} from '../platform/index.ts'
import { announce, announceLimits, announceListeners, announceWishes } from './announce.ts'
import { buildNode, type NodeParts } from './build.ts'
import { reopenJournal } from './disk/reopen-journal.ts'
import { NodeStatus } from './node-status.ts'
import { readPem } from './serve-material.ts'
import { Serving } from './serving.ts'
import { VERSION } from './version.ts'

const EXIT_BUG = 70
/** Of the signal that ends all parts, each of which waits for it in a few places. */
const LISTENERS_MOST = 100
const EXIT_STUCK = 75

export interface DaemonOptions {
  readonly loaded: LoadedConfig
  readonly secrets: Secrets
  readonly disk: Disk
}

/**
 * Runs a node until SIGTERM or SIGINT; returns the exit code.
 * @throws OperationalError when it cannot start
 */
export async function runDaemon({ loaded, secrets, disk }: DaemonOptions): Promise<number> {
  const { config } = loaded
  const logger = createLogger({
    level: config['log.level'],
    format: formatOf(config['log.format']),
  })
  const die = (bug: unknown): never => {
    const error = bug instanceof Error ? bug.stack : messageOf(bug)
    logger.error(
      { error },
      'a promise of the code was broken: ends, and recovers at its next start',
    )
    process.exit(EXIT_BUG)
  }
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  const stop = stopSignal(logger)
  const diskFigures = new DiskFigures(systemClock)
  const parts = await buildNode({
    config,
    secrets,
    version: VERSION,
    disk: measuredDisk(disk, diskFigures),
    diskFigures,
    clock: systemClock,
    random: systemRandom,
    logger,
    onBug: die,
  })
  announce(parts, loaded)
  await announceLimits(parts)
  await new Running({ parts, loaded, die }).run(stop)
  logger.info({}, 'kingbus has ended')
  return 0
}

function formatOf(setting: 'auto' | 'pretty' | 'json'): 'pretty' | 'json' {
  if (setting !== 'auto') return setting
  return process.stdout.isTTY ? 'pretty' : 'json'
}

/** Fires at the first SIGTERM or SIGINT; a second one ends the process as if nobody listened. */
function stopSignal(logger: Logger): AbortSignal {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'ends')
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
    stop.abort()
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  return stop.signal
}

interface RunningOptions {
  readonly parts: NodeParts
  readonly loaded: LoadedConfig
  readonly die: (bug: unknown) => never
}

class Running {
  readonly #parts: NodeParts
  readonly #loaded: LoadedConfig
  readonly #die: (bug: unknown) => never
  readonly #serving: Serving
  #admin: AdminApp | undefined

  constructor({ parts, loaded, die }: RunningOptions) {
    this.#parts = parts
    this.#loaded = loaded
    this.#serving = new Serving(parts)
    this.#die = die
  }

  async run(stop: AbortSignal): Promise<void> {
    const ending = new AbortController()
    setMaxListeners(LISTENERS_MOST, ending.signal)
    let running: Promise<unknown> = Promise.resolve()
    try {
      await this.#open()
      running = this.#start(ending.signal)
      await aborted(stop)
      await this.#parts.cluster?.node.handOver()
    } finally {
      const { clock, logger } = this.#parts
      const cancel = clock.after(SHUTDOWN_WAIT_MS, () => {
        logger.error({ waitedMs: SHUTDOWN_WAIT_MS }, 'some part does not end: exits without it')
        process.exit(EXIT_STUCK)
      })
      ending.abort()
      await this.#close(running)
      cancel()
    }
  }

  /** @throws OperationalError E_LISTEN */
  async #open(): Promise<void> {
    await this.#parts.journal.look()
    await this.#parts.cluster?.node.listen()
    await this.#serving.start()
    announceListeners(this.#parts, await this.#openAdmin())
  }

  async #openAdmin(): Promise<string> {
    const { config, logger, secrets, version } = this.#parts
    this.#admin = await buildAdmin({
      node: new NodeStatus(this.#parts, this.#serving),
      version,
      log: logger.child({ part: 'admin' }),
      token: secrets.adminToken,
      tls: await this.#adminTls(),
      onBug: this.#die,
    })
    return await listenAdmin(this.#admin, config['admin.listen'])
  }

  async #adminTls(): Promise<{ cert: string; key: string } | undefined> {
    const { config, disk } = this.#parts
    const cert = config['admin.cert-file']
    const key = config['admin.key-file']
    if (cert === undefined || key === undefined) return undefined
    return {
      cert: await readPem(disk, cert, 'admin.cert-file'),
      key: await readPem(disk, key, 'admin.key-file'),
    }
  }

  /** Everything that runs beside the listeners; a part that rejects has found a bug. */
  #start(signal: AbortSignal): Promise<unknown> {
    const { source, variables, journal, diskWatch, openFiles, facts, users, scrub, repairs } =
      this.#parts
    const { clock, cluster, local, retention, replicaWait, failover, sourceKeeper } = this.#parts
    const running = [
      announceWishes(this.#parts, this.#loaded.given, signal),
      journal.run(clock, signal),
      diskWatch.run(signal),
      openFiles.run(signal),
      facts.run(signal),
      users.run(clock, signal),
      scrub.run(signal),
      retention.keeper.run(signal),
      retention.retention.run(signal),
      repairs.run(signal),
      source.run(signal),
      replicaWait.run(signal),
      variables.run(signal),
      failover.run(signal),
      ...(local === undefined ? [] : [reopenJournal(local, this.#parts, signal)]),
      ...(cluster === undefined ? [] : [cluster.node.run(signal), cluster.wishes.run(signal)]),
      ...(sourceKeeper === undefined ? [] : [sourceKeeper.run(signal)]),
    ]
    return Promise.all(running).catch(this.#die)
  }

  /** Ingest first, so that dumps can reach what is visible; the disk last. */
  async #close(running: Promise<unknown>): Promise<void> {
    const { journal, dataDir, metadata, logger } = this.#parts
    this.#serving.beginEnd()
    await running
    await this.#serving.end()
    metadata?.close()
    await this.#admin?.close()
    try {
      await journal.close()
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.error({ code: thrown.code }, thrown.message)
    }
    await dataDir.release()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
