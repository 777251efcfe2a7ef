import { GtidSet } from '../../../src/mysql/index.ts'
import { pause } from '../../e2e/harness/wait.ts'
import type { FaultNode } from './fault-node.ts'

const STEP_MS = 300
const ANSWER_MS = 2000

interface Shown {
  readonly pid: number
  readonly gtids: GtidSet
}

/** Watches that what a process shows never becomes less (rule 10). */
export class ShownWatch {
  readonly #last = new Map<FaultNode, Shown>()
  readonly #violations: string[] = []
  readonly #over = new AbortController()

  constructor(nodes: readonly FaultNode[]) {
    for (const node of nodes) void this.#follow(node)
  }

  get violations(): readonly string[] {
    return this.#violations
  }

  stop(): void {
    this.#over.abort()
  }

  async #follow(node: FaultNode): Promise<void> {
    while (!this.#over.signal.aborted) {
      if (node.kingbus.isRunning) await this.#look(node)
      await pause(STEP_MS)
    }
  }

  async #look(node: FaultNode): Promise<void> {
    const { kingbus } = node
    const { pid } = kingbus
    const gtids = await shownBy(node).catch(() => undefined)
    // It may have been another process that answered.
    if (gtids === undefined || !kingbus.isRunning || kingbus.pid !== pid) return
    const last = this.#last.get(node)
    if (last?.pid === pid && !gtids.contains(last.gtids)) {
      const lost = last.gtids.subtract(gtids).toString()
      this.#violations.push(`${node.name} showed ${lost}, and does not any more`)
    }
    this.#last.set(node, { pid, gtids })
  }
}

/** What a node shows to replicas. */
export async function shownBy({ kingbus }: FaultNode): Promise<GtidSet> {
  const answer = await fetch(`${kingbus.adminUrl}/api/v1/status`, {
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  if (!answer.ok) throw new Error(`status answers ${answer.status}`)
  const { gtidExecuted } = (await answer.json()) as { gtidExecuted: string }
  return GtidSet.parse(gtidExecuted)
}
