import type { SourceChange, SourceStatus } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { LeaderSource } from '../cluster/leader-source.ts'
import { SourceCommands, type SourceCommandsOptions } from './source-commands.ts'
import { ownSourceStatus, type SourceStatusParts } from './source-status.ts'
import { type SourceUpdate, withSource } from './source-wish.ts'

export type SourceDeskParts = SourceStatusParts & Pick<SourceCommandsOptions, 'clock'>

/** What people see and ask of the source at this node, whichever node reads it. */
export class SourceDesk {
  readonly #parts: SourceDeskParts
  readonly #commands: SourceCommands
  /** undefined on a node that is alone */
  readonly #leader: LeaderSource | undefined

  constructor(parts: SourceDeskParts) {
    this.#parts = parts
    const { desired, source: runner, clock, cluster } = parts
    this.#commands = new SourceCommands({ desired, runner, clock })
    this.#leader =
      cluster &&
      new LeaderSource(cluster, {
        own: () => this.own(),
        settle: (retries) => this.#commands.settle(retries),
      })
  }

  /** as this node sees it */
  own(): SourceStatus {
    return ownSourceStatus(this.#parts)
  }

  /** As the node has it that reads it. @throws OperationalError E_NOT_LEADER, E_PEER_* */
  async show(): Promise<SourceStatus> {
    return this.#elsewhere === undefined ? this.own() : await this.#elsewhere.status()
  }

  /** @throws OperationalError as SourceCommands, as the others */
  async start(change: SourceChange = {}): Promise<SourceStatus> {
    await this.#commands.start((now) => withSource(now, change))
    return await this.#settled(true)
  }

  async stop(): Promise<SourceStatus> {
    await this.#commands.stop()
    return await this.#settled(false)
  }

  async set(change: SourceUpdate): Promise<SourceStatus> {
    await this.#commands.set((now) => withSource(now, change))
    return await this.#settled(false)
  }

  /** undefined while this node is the one */
  get #elsewhere(): LeaderSource | undefined {
    return this.#leader?.isHere === true ? undefined : this.#leader
  }

  /** What was changed is kept, so trouble on the way to the leader is none of whoever asked. */
  async #settled(retries: boolean): Promise<SourceStatus> {
    try {
      return (await this.#elsewhere?.settle(retries)) ?? this.own()
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      return this.own()
    }
  }
}
