import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Kingbus } from '../kingbus.ts'
import type { Mysqld } from '../mysqld.ts'
import type { Place } from '../network/place.ts'
import { etcdProgram, freePort, makeRunFolder } from '../project.ts'
import { waitFor } from '../wait.ts'

export interface ClusterOptions {
  readonly source: Mysqld
  readonly size?: number
  /** further flags of every node */
  readonly flags?: Readonly<Record<string, string>>
  readonly detached?: boolean
  /** where the source is, for the nodes; default is its own address on 127.0.0.1 */
  readonly sourceUrl?: string
  /** one for each node; links and etcd are under TLS then */
  readonly places?: readonly Place[]
  /** one for each node: the folder that is its disk */
  readonly disks?: readonly string[]
}

/** Several nodes on this machine, each with a member of etcd. */
export class KingbusCluster {
  readonly nodes: readonly Kingbus[]
  readonly #peerPorts: readonly number[]

  static async start({
    source,
    size = 3,
    flags = {},
    detached,
    sourceUrl = source.sourceUrl,
    places,
    disks,
  }: ClusterOptions): Promise<KingbusCluster> {
    const secretFile = join(makeRunFolder('cluster'), 'secret')
    writeFileSync(secretFile, 'a secret of the test cluster\n', { mode: 0o600 })
    const names = Array.from({ length: size }, (_, index) => `node${index + 1}`)
    const ports: number[] = []
    for (const _ of names) ports.push(await freeTriple(ports))
    const urls = ports.map((port, index) => {
      const place = places?.[index]
      return place === undefined ? `http://127.0.0.1:${port}` : `https://${place.address}:${port}`
    })
    const initial = names.map((name, index) => `${name}=${urls[index]}`).join(',')
    const nodes = await Promise.all(
      names.map(async (name, index) => {
        const cluster = {
          name,
          'cluster-peer-url': urls[index] ?? '',
          'cluster-initial-cluster': initial,
          'cluster-secret-file': secretFile,
          'cluster-etcd-binary': etcdProgram('etcd'),
        }
        const place = places?.[index]
        const disk = disks?.[index]
        return await Kingbus.start({
          sourceUrl,
          flags: { ...cluster, ...flags },
          ...(detached === undefined ? {} : { detached }),
          ...(place === undefined ? {} : { place }),
          ...(disk === undefined ? {} : { disk }),
        })
      }),
    )
    return new KingbusCluster(nodes, ports)
  }

  private constructor(nodes: readonly Kingbus[], peerPorts: readonly number[]) {
    this.nodes = nodes
    this.#peerPorts = peerPorts
  }

  node(index: number): Kingbus {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  peerPort(index: number): number {
    return this.#peerPorts[index] ?? 0
  }

  /** The node that reads the source. */
  async leader(timeoutMs = 30_000): Promise<Kingbus> {
    const explain = (): string => this.nodes.map((node) => node.logTail()).join('\n--\n')
    return await waitFor({ what: 'a node that reads the source', timeoutMs, explain }, async () => {
      for (const node of this.nodes) {
        if (!node.isRunning) continue
        const status = await node.status().catch(() => undefined)
        if (status?.source.state === 'streaming') return node
      }
      return undefined
    })
  }

  /** Waits until every running node shows what the source has executed now. */
  async catchUpWith(source: Mysqld): Promise<void> {
    for (const node of this.nodes) if (node.isRunning) await node.catchUpWith(source)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

/** A port with two free ones behind it: the link's, and those of etcd. */
async function freeTriple(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = await freePort()
    const isTaken = taken.some((other) => Math.abs(other - port) < 3)
    if (isTaken || !(await isFree(port + 1)) || !(await isFree(port + 2))) continue
    return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server: Server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
