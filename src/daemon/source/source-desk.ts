import type { SourceChange, SourceStatus, SwitchRequest, SwitchResult } from '../../admin/index.ts'
import { isSameAddress } from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { LeaderSource } from '../cluster/leader-source.ts'
import { SourceCommands, type SourceCommandsOptions } from './source-commands.ts'
import { ownSourceStatus, type SourceStatusParts } from './source-status.ts'
import type { SourceSwitch } from './source-switch.ts'
import { type SourceUpdate, withSource } from './source-wish.ts'

export type SourceDeskParts = SourceStatusParts &
  Pick<SourceCommandsOptions, 'clock'> & { readonly sourceSwitch: SourceSwitch }

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

  /** As `set`, but another server than the one before is looked at first: as `goOnWith`. @throws as these */
  async change(update: SourceUpdate): Promise<void> {
    const now = this.#parts.desired.value.value
    const before = now.source
    const wanted = withSource(now, update).source
    if (before === undefined || wanted === undefined || isSameAddress(before, wanted)) {
      return void (await this.set(update))
    }
    const { host, port } = wanted
    const { user, password, tls, caFile } = update
    await this.goOnWith({ address: { host, port }, user, password, tls, caFile, dryRun: false })
  }

  /** @throws OperationalError as SourceSwitch, E_NOT_LEADER, E_PEER_* */
  async goOnWith(request: SwitchRequest): Promise<SwitchResult> {
    return await (this.#elsewhere?.goOnWith(request) ?? this.#goOnHere(request))
  }

  async #goOnHere(request: SwitchRequest): Promise<SwitchResult> {
    const result = await this.#parts.sourceSwitch.run(request)
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
