import { z } from 'zod'
import { type Logger, OperationalError } from '../../lib/index.ts'
import type { ClusterPeers } from './cluster-peers.ts'
import {
  type NeedsQuestion,
  type NodeNeeds,
  needsQuestionSchema,
  nodeNeedsSchema,
  type OwnNeeds,
} from './node-needs.ts'

const ASK = 'replica-needs'
const OVER = 'purge-over'
const overSchema = z.object({ upTo: z.string().nullable() })

/**
 * While it is decided which files go, no dump begins for at most so long. A node that is not told the end lets
 * dumps begin again by itself.
 */
const HOLD_MS = 10_000

export interface Gathered {
  /** by the name of the node, of those that have answered */
  readonly answers: ReadonlyMap<string, NodeNeeds>
  /** nodes that live and have not answered, or could not keep dumps from beginning: what is read there nobody knows */
  readonly silent: readonly string[]
}

/** What the clients of all nodes need: of this one, and in a cluster of the others, asked over the link. */
export class AllNeeds {
  readonly #name: string
  readonly #own: OwnNeeds
  readonly #node: ClusterPeers | undefined
  readonly #logger: Logger
  /** of each node, what has left it up to where is kept by who asks */
  #collected = new Map<string, NonNullable<NeedsQuestion['collected']>>()

  constructor(parts: {
    readonly name: string
    readonly own: OwnNeeds
    /** undefined on a node that is alone */
    readonly node: ClusterPeers | undefined
    readonly logger: Logger
  }) {
    this.#name = parts.name
    this.#own = parts.own
    this.#node = parts.node
    this.#logger = parts.logger
    const management = parts.node?.management
    management?.handle(ASK, (body) => this.#own.answer(readAs(needsQuestionSchema, body)))
    management?.handle(OVER, async (body) => {
      await this.#own.letGo(readAs(overSchema, body).upTo, HOLD_MS)
      return null
    })
  }

  /** What is needed now. */
  async gather(): Promise<Gathered> {
    return await this.#ask(0)
  }

  /**
   * Runs `work` with what is needed, while no dump begins on any node; the files before the one that it resolves
   * with are gone then, or are soon.
   */
  async held<T extends { readonly upTo: string | null }>(
    work: (gathered: Gathered) => Promise<T>,
  ): Promise<T> {
    let upTo: string | null = null
    const gathered = await this.#ask(HOLD_MS)
    try {
      const done = await work(gathered)
      upTo = done.upTo
      return done
    } finally {
      // Nobody waits for the others: they let dumps begin by themselves too.
      for (const node of gathered.answers.keys()) void this.#over(node, upTo)
    }
  }

  /** Who has left is kept for good by now, as it was gathered. */
  collected({ answers }: Gathered): void {
    this.#collected = new Map(
      [...answers].map(([node, { process, left }]) => {
        const before = this.#collected.get(node)
        const known = before?.process === process ? before.upTo : 0
        return [node, { process, upTo: Math.max(known, ...left.map(({ id }) => id)) }]
      }),
    )
  }

  async #ask(holdMs: number): Promise<Gathered> {
    const answers = new Map<string, NodeNeeds>()
    const silent: string[] = []
    const own = this.#own.answer(this.#question(this.#name, holdMs))
    const members = this.#node === undefined ? [] : this.#node.management.others
    if (members === undefined) silent.push('the other nodes')
    const others = (members ?? []).map(async ({ name, isAlive }) => {
      const answer = await this.#answerOf(name, holdMs)
      if (answer !== undefined) answers.set(name, answer)
      if (isAlive ? answer?.isHeld !== true : answer?.isHeld === false) silent.push(name)
    })
    const here = await own
    answers.set(this.#name, here)
    if (!here.isHeld) silent.push(this.#name)
    await Promise.all(others)
    return { answers, silent }
  }

  #question(node: string, holdMs: number): NeedsQuestion {
    return { collected: this.#collected.get(node) ?? null, holdMs }
  }

  /** undefined when it does not answer */
  async #answerOf(name: string, holdMs: number): Promise<NodeNeeds | undefined> {
    const question = this.#question(name, holdMs)
    try {
      return readAs(nodeNeedsSchema, await this.#node?.management.ask(name, ASK, question))
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#logger.debug({ node: name, code: thrown.code }, `its replicas are not known: ${thrown}`)
      return undefined
    }
  }

  async #over(node: string, upTo: string | null): Promise<void> {
    if (node === this.#name) return await this.#own.letGo(upTo, HOLD_MS)
    try {
      await this.#node?.management.ask(node, OVER, { upTo })
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      this.#logger.debug({ node, code: thrown.code }, thrown.message)
    }
  }
}

function readAs<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body)
  if (read.success) return read.data
  const message =
    'another node speaks of its replicas in a way that this version does not understand'
  throw new OperationalError('E_PEER_VERSION', message)
}
