import type { ClusterNode } from '../../cluster/index.ts'
import type { Desired } from '../../desired/index.ts'
import { Backoff, type Logger, OperationalError, type Watched } from '../../lib/index.ts'
import { type Clock, connect, type Random } from '../../platform/index.ts'
import type { SourceParts, SourceRunner } from '../source/source-runner.ts'
import { isUnreachable } from '../source/unreachable.ts'

/** A leader whose source does not answer for so long asks the others. */
const PATIENCE_MS = 5000
const LOOK_MS = 500
const DIAL_MS = 2000
/** A source that answers the dial and nothing else must not send the lead round in circles. */
const PAUSE = { firstMs: 10_000, mostMs: 120_000 }
const METHOD = 'reaches-source'

export interface SourceKeeperOptions {
  readonly node: Pick<ClusterNode, 'leads'> & {
    readonly management: Pick<ClusterNode['management'], 'handle' | 'heirs' | 'ask' | 'lead'>
  }
  readonly desired: Watched<Pick<Desired, 'source'>>
  readonly runner: Pick<SourceRunner, 'current'>
  /** whether the disk of this node has room for what the source sends, and may be written */
  readonly hasRoom: () => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * Lets another node lead when this one does not reach the source, or has no room for what it sends, and that one does
 * and has (rule 2).
 */
export class SourceKeeper {
  readonly #options: SourceKeeperOptions
  #leadsSinceMs = 0

  constructor(options: SourceKeeperOptions) {
    this.#options = options
    options.node.leads.follow(() => {
      this.#leadsSinceMs = options.clock.nowMs()
    })
    options.node.management.handle(METHOD, () => this.#reaches())
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    const backoff = new Backoff(PAUSE, () => random.fraction())
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal)
      if (this.#isStreaming) backoff.reset()
      if (signal.aborted || !(this.#isCutOff || this.#isFull)) continue
      await this.#letLead()
      await clock.sleep(backoff.nextMs(), signal)
    }
  }

  get #isStreaming(): boolean {
    return this.#options.runner.current?.link.state.value.phase === 'streaming'
  }

  /** undefined while another node is to read the source */
  get #link(): SourceParts['link'] | undefined {
    const { node, runner } = this.#options
    return node.leads.value ? runner.current?.link : undefined
  }

  get #isFull(): boolean {
    const state = this.#link?.state.value
    if (state?.phase !== 'paused' || state.code !== 'E_DISK_FULL') return false
    return this.#isOverdue(state.sinceMs)
  }

  get #isCutOff(): boolean {
    const link = this.#link
    if (link === undefined) return false
    if (!isUnreachable(link.state.value)) return false
    return this.#isOverdue(Math.max(link.progress.lastEventAtMs, this.#leadsSinceMs))
  }

  #isOverdue(sinceMs: number): boolean {
    return this.#options.clock.nowMs() - sinceMs > PATIENCE_MS
  }

  async #letLead(): Promise<void> {
    const { node, logger } = this.#options
    for await (const name of this.#reachedBy()) {
      logger.warn(
        { node: name },
        'this node cannot take what the source sends, and that one can: it shall lead',
      )
      try {
        return await node.management.lead(name)
      } catch (thrown) {
        this.#note(name, thrown)
      }
    }
  }

  /** The name of another node that may lead, reaches the source and has room; undefined where there is none. */
  async reachedBy(): Promise<string | undefined> {
    for await (const name of this.#reachedBy()) return name
    return undefined
  }

  async *#reachedBy(): AsyncGenerator<string> {
    const { management } = this.#options.node
    for (const { node: name } of management.heirs) {
      try {
        if ((await management.ask(name, METHOD, null)) !== true) continue
      } catch (thrown) {
        this.#note(name, thrown)
        continue
      }
      yield name
    }
  }

  #note(node: string, thrown: unknown): void {
    if (!(thrown instanceof OperationalError)) throw thrown
    this.#options.logger.debug({ node, code: thrown.code }, thrown.message)
  }

  async #reaches(): Promise<boolean> {
    const { source } = this.#options.desired.value
    if (source === undefined || !this.#options.hasRoom()) return false
    const late = new AbortController()
    const cancel = this.#options.clock.after(DIAL_MS, () => late.abort())
    try {
      const connection = await connect({ host: source.host, port: source.port }, late.signal)
      connection.destroy()
      return true
    } catch {
      return false
    } finally {
      cancel()
    }
  }
}
