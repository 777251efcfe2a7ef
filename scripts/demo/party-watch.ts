import { statSync } from 'node:fs'
import type { Kingbus } from '../../test/e2e/harness/kingbus.ts'
import type { Mysqld } from '../../test/e2e/harness/mysqld.ts'
import { countGtids } from './gtid-count.ts'

export interface DemoNode {
  readonly name: string
  readonly kingbus: Kingbus
}

export interface DemoParties {
  readonly source: Mysqld
  /** one that is alone, or all of a cluster */
  readonly nodes: readonly DemoNode[]
  readonly replicas: readonly Mysqld[]
}

/** Looks at all parties and puts what it sees into one line each. */
export class PartyWatch {
  readonly #parties: DemoParties
  #countBefore = 0
  #lookedAt = performance.now()

  constructor(parties: DemoParties) {
    this.#parties = parties
  }

  async lines(): Promise<string[]> {
    const { source, nodes, replicas } = this.#parties
    const count = countGtids(await source.gtidExecuted())
    const now = performance.now()
    const rate = ((count - this.#countBefore) * 1_000) / Math.max(1, now - this.#lookedAt)
    const perSecond = this.#countBefore === 0 ? '' : `${rate.toFixed(0)} per second`
    this.#countBefore = count
    this.#lookedAt = now
    const roles = nodes.length > 1 ? await this.#roles() : new Map<string, string>()
    const lines = [line('source', count, perSecond)]
    for (const node of nodes) lines.push(await this.#nodeLine(node, count, roles.get(node.name)))
    for (const [index, replica] of replicas.entries()) {
      lines.push(await this.#replicaLine(`replica ${index + 1}`, replica, count))
    }
    return lines
  }

  /** Of each node of the cluster, as the first one that answers sees it. */
  async #roles(): Promise<Map<string, string>> {
    for (const { kingbus } of this.#parties.nodes) {
      const answer = await fetch(`${kingbus.adminUrl}/api/v1/cluster`).catch(() => undefined)
      if (answer?.ok !== true) continue
      const { nodes } = (await answer.json()) as { nodes: { name: string; role: string }[] }
      return new Map(nodes.map(({ name, role }) => [name, role]))
    }
    return new Map()
  }

  /** @param role in the cluster; a node that is alone has the state of its link to the source in its place */
  async #nodeLine({ name, kingbus }: DemoNode, newest: number, role?: string): Promise<string> {
    const status = await kingbus.status().catch(() => undefined)
    if (status === undefined) return absent(name)
    const count = countGtids(status.gtidExecuted)
    const files = kingbus.binlogs()
    const bytes = files.reduce((sum, { path }) => sum + statSync(path).size, 0)
    const held = `${(bytes / 1e6).toFixed(1)} MB in ${files.length} files`
    const { state, lagSeconds } = status.source
    const lag = typeof lagSeconds === 'number' ? `, lag ${lagSeconds.toFixed(1)} s` : ''
    return line(name, count, `${behind(newest - count)}, ${held}, ${role ?? state}${lag}`)
  }

  async #replicaLine(name: string, replica: Mysqld, newest: number): Promise<string> {
    const set = await replica.gtidExecuted().catch(() => undefined)
    if (set === undefined) return absent(name)
    const count = countGtids(set)
    const [status] = await replica.sql('SHOW REPLICA STATUS').catch(() => [])
    const seconds = status?.['Seconds_Behind_Source'] ?? '?'
    const link = status?.['Replica_IO_Running'] === 'Yes' ? '' : ', reconnecting'
    return line(name, count, `${behind(newest - count)}, lag ${seconds} s${link}`)
  }
}

function line(name: string, transactions: number, text: string): string {
  return `   ${name.padEnd(10)} ${String(transactions).padStart(7)} transactions   ${text}`
}

function absent(name: string): string {
  return `   ${name.padEnd(10)}       - not running`
}

function behind(transactions: number): string {
  return transactions <= 0 ? 'nothing missing' : `${transactions} behind`
}
