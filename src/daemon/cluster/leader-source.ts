import {
  type SourceStatus,
  type SwitchRequest,
  type SwitchResult,
  sourceSchema,
  switchRequestSchema,
  switchSchema,
} from '../../admin/index.ts'
import { formatAddress, SOURCE_COMMAND_WAIT_MS, SWITCH_MS_MOST } from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { Engine } from '../engine.ts'

const STATUS_MS = 2000
/** The leader reads what is wanted first. */
const SETTLE_MS = SOURCE_COMMAND_WAIT_MS + 2000

const SWITCH_MS = SWITCH_MS_MOST + SETTLE_MS

/** The source as this node has it. */
export interface OwnSource {
  readonly own: () => SourceStatus
  readonly settle: (retries: boolean) => Promise<void>
  readonly goOnWith: (request: SwitchRequest) => Promise<SwitchResult>
}

/**
 * The source as the node has it that leads: asked by calls between the nodes, and answered to the others where this
 * node is the one.
 */
export class LeaderSource {
  readonly #cluster: NonNullable<Engine['cluster']>
  readonly #here: OwnSource

  constructor(cluster: NonNullable<Engine['cluster']>, here: OwnSource) {
    this.#cluster = cluster
    this.#here = here
    const { management } = cluster.node
    management.handle('source-status', async () => this.#own())
    management.handle('source-settle', async (body) => await this.#settleHere(body === true))
    management.handle('source-switch', async (body) => await this.#switchHere(body))
  }

  get isHere(): boolean {
    return this.#cluster.node.leader === this.#cluster.node.name
  }

  /** @throws OperationalError E_NOT_LEADER, E_PEER_* */
  async status(): Promise<SourceStatus> {
    return statusOf(await this.#cluster.node.askLeader('source-status', null, STATUS_MS))
  }

  /**
   * Resolves when what is wanted is so there, unless that takes longer than anybody wants to wait.
   * @param retries a wait for the next attempt is to end
   * @throws as `status`
   */
  async settle(retries: boolean): Promise<SourceStatus> {
    return statusOf(await this.#cluster.node.askLeader('source-settle', retries, SETTLE_MS))
  }

  /** @throws OperationalError as SourceSwitch there, E_NOT_LEADER, E_PEER_* */
  async goOnWith(request: SwitchRequest): Promise<SwitchResult> {
    const body = { ...request, address: formatAddress(request.address) }
    const answer = await this.#cluster.node.askLeader('source-switch', body, SWITCH_MS)
    const read = switchSchema.safeParse(answer)
    if (read.success) return read.data
    throw notUnderstood()
  }

  #own(): SourceStatus {
    if (this.isHere) return this.#here.own()
    throw new OperationalError('E_NOT_LEADER', 'the node that was asked does not lead any more')
  }

  async #switchHere(body: unknown): Promise<SwitchResult> {
    const read = switchRequestSchema.safeParse(body)
    if (!read.success) {
      const message = 'the node that asks to switch the source is of another version than this one'
      throw new OperationalError('E_PEER_VERSION', message)
    }
    await this.#cluster.wishes.desired.refresh()
    this.#own()
    return await this.#here.goOnWith(read.data)
  }

  async #settleHere(retries: boolean): Promise<SourceStatus> {
    // Whoever changed it knows it sooner than a watch tells this node.
    await this.#cluster.wishes.desired.refresh()
    await this.#here.settle(retries)
    return this.#own()
  }
}

function notUnderstood(): OperationalError {
  const message = 'the node that leads says of the source what this version does not understand'
  return new OperationalError('E_PEER_VERSION', message)
}

function statusOf(answer: unknown): SourceStatus {
  const read = sourceSchema.safeParse(answer)
  if (read.success) return read.data
  throw notUnderstood()
}
