import type { SourceChange, SourceStatus, SwitchRequest, SwitchResult } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { trySource } from '../../source/index.ts'
import { LeaderSource } from '../cluster/leader-source.ts'
import { SourceCommands, type SourceCommandsOptions } from './source-commands.ts'
import { ownSourceStatus, type SourceStatusParts } from './source-status.ts'
import { SourceSwitch, type SourceSwitchParts } from './source-switch.ts'
import { type SourceUpdate, withSource } from './source-wish.ts'

export type SourceDeskParts = SourceStatusParts &
  Pick<SourceCommandsOptions, 'clock'> &
  Omit<SourceSwitchParts, 'runner' | 'trial'>

/** What people see and ask of the source at this node, whichever node reads it. */
export class SourceDesk {
  readonly #parts: SourceDeskParts
  readonly #commands: SourceCommands
  readonly #switch: SourceSwitch
  /** undefined on a node that is alone */
  readonly #leader: LeaderSource | undefined

  constructor(parts: SourceDeskParts) {
    this.#parts = parts
    const { desired, source: runner, clock, cluster } = parts
    this.#commands = new SourceCommands({ desired, runner, clock })
    this.#switch = new SourceSwitch({ ...parts, runner, trial: trySource })
    this.#leader =
      cluster &&
      new LeaderSource(cluster, {
        own: () => this.own(),
        settle: (retries) => this.#commands.settle(retries),
        goOnWith: (request) => this.#goOnHere(request),
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

  /** @throws OperationalError as SourceSwitch, E_NOT_LEADER, E_PEER_* */
  async goOnWith(request: SwitchRequest): Promise<SwitchResult> {
    return await (this.#elsewhere?.goOnWith(request) ?? this.#goOnHere(request))
  }

  async #goOnHere(request: SwitchRequest): Promise<SwitchResult> {
    const result = await this.#switch.run(request)
    if (result.switched) await this.#commands.settle(true)
    return result
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
