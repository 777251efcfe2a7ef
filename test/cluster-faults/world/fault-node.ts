import { readFileSync } from 'node:fs'
import type { OwnDisk } from '../../e2e/harness/disks/own-disk.ts'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'
import type { NetworkHost, Ports } from '../../e2e/harness/network/bridged-network.ts'
import { signalQuietly } from '../../e2e/harness/signals.ts'

export interface FaultNodeParts {
  readonly kingbus: Kingbus
  readonly host: NetworkHost
  readonly disk: OwnDisk | undefined
  readonly peerPort: number
}

/** What one node says of all, by `/api/v1/cluster`. */
export interface ClusterView {
  readonly leader: string | null
  readonly epoch: number
  readonly nodes: ReadonlyArray<{ readonly name: string; readonly role: string }>
}

/** A node with its machine: Kingbus and the etcd that it runs. */
export class FaultNode {
  readonly kingbus: Kingbus
  readonly host: NetworkHost
  /** undefined where its files lie on the disk of everybody */
  readonly disk: OwnDisk | undefined
  readonly #peerPort: number

  constructor({ kingbus, host, disk, peerPort }: FaultNodeParts) {
    this.kingbus = kingbus
    this.host = host
    this.disk = disk
    this.#peerPort = peerPort
  }

  get name(): string {
    return this.host.name
  }

  /** of the link between nodes */
  get linkPort(): Ports {
    return String(this.#peerPort)
  }

  /** of etcd, for its other members and for nodes */
  get etcdPorts(): Ports {
    return `${this.#peerPort + 1}-${this.#peerPort + 2}`
  }

  /** One process, or none while it is down. */
  #etcd(): number[] {
    return this.host.processes().filter((pid) => commandOf(pid) === 'etcd')
  }

  signalEtcd(signal: NodeJS.Signals): void {
    for (const pid of this.#etcd()) signalQuietly(pid, signal)
  }

  async view(): Promise<ClusterView> {
    const answer = await fetch(`${this.kingbus.adminUrl}/api/v1/cluster`, {
      signal: AbortSignal.timeout(VIEW_MS),
    })
    if (!answer.ok) throw new Error(`${this.name} answers ${answer.status}`)
    return (await answer.json()) as ClusterView
  }
}

/** Longer than a node waits for the others' answers. */
const VIEW_MS = 5000

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    // It has ended since.
    return ''
  }
}
