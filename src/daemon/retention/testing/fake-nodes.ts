import { assert, OperationalError, present, silentLogger, Watch } from '../../../lib/index.ts'
import { FakeClock } from '../../../serve/dump/testing/fake-clock.ts'
import { type Dump, Replicas } from '../../../serve/replicas.ts'
import type { FileInfo } from '../../../store/index.ts'
import { AllNeeds } from '../all-needs.ts'
import type { ClusterPeers } from '../cluster-peers.ts'
import type { KnownReplica } from '../known-replicas.ts'
import { OwnNeeds } from '../node-needs.ts'
import { PurgeDesk } from '../purge-desk.ts'
import { ReplicaDesk } from '../replica-desk.ts'
import { ReplicaKeeper } from '../replica-keeper.ts'

type Answer = (body: unknown) => Promise<unknown>

export const fileName = (number: number): string => `binlog.${String(number).padStart(6, '0')}`

/** A node with the files 1 to 9 of 100 MiB, of which 9 is written to. */
export class FakeNode {
  readonly name: string
  readonly answers = new Map<string, Answer>()
  readonly replicas: Replicas
  readonly leads: Watch<boolean>
  readonly needs: AllNeeds
  readonly keeper: ReplicaKeeper
  readonly desk: PurgeDesk
  readonly replicaDesk: ReplicaDesk
  /** what is kept for the next start, and how often it was written */
  kept: readonly KnownReplica[] = []
  writes = 0
  isAnswering = true
  isAlive = true
  /** dumps may begin */
  isHeld = false
  /** undefined: the disk does not say */
  roomBytes: number | undefined = 2 ** 40
  keepMs = 3_600_000
  /** its newest file does not say yet what came before it */
  isNewestUntold = false
  files: FileInfo[] = Array.from({ length: 9 }, (_, index) => fileInfo(index + 1))
  readonly #read = new Map<number, number>()
  #connections = 0

  constructor(cluster: FakeCluster, name: string) {
    const { clock } = cluster
    this.name = name
    this.replicas = new Replicas(clock)
    this.leads = new Watch(cluster.leader === name)
    const store = {
      files: () => this.files,
      purgeableTo: () =>
        Promise.resolve(this.isNewestUntold ? this.files.slice(0, -1) : this.files),
    }
    const dumps = {
      hold: () => {
        this.isHeld = true
        return Promise.resolve(true)
      },
      letGo: () => {
        this.isHeld = false
      },
    }
    const minFree = 0
    const space = async () => {
      if (this.roomBytes === undefined) throw new Error('EIO: i/o error, statfs')
      return { totalBytes: 2 ** 41, freeBytes: this.#freeOf(this.roomBytes), isReadOnly: false }
    }
    const server = { replicas: this.replicas, dumps }
    const place = { disk: { space }, folder: '/data', minFree, process: `process of ${name}` }
    const own = new OwnNeeds({ store, server, ...place, clock })
    const node = cluster.isAlone ? undefined : cluster.nodeOf(this)
    const logger = silentLogger
    this.needs = new AllNeeds({ name, own, node, logger })
    const memory = {
      read: () => Promise.resolve(this.kept),
      write: (replicas: readonly KnownReplica[]) => {
        this.kept = structuredClone(replicas)
        this.writes += 1
        return Promise.resolve()
      },
    }
    const { leads, needs } = this
    const keepMs = (): number => this.keepMs
    this.keeper = new ReplicaKeeper({ needs, memory, leads, keepMs, clock, logger, lookMs: 2000 })
    const { keeper } = this
    const journal = {
      purge: (upTo: string) => {
        for (const one of cluster.nodes) one.files = one.files.filter(({ name }) => name >= upTo)
        return Promise.resolve()
      },
    }
    this.desk = new PurgeDesk({ node, store, journal, needs, keeper, logger })
    this.replicaDesk = new ReplicaDesk({ node, keeper, keepMs, clock })
  }

  #freeOf(roomBytes: number): number {
    return roomBytes - this.files.reduce((sum, { size }) => sum + size, 0)
  }

  /** A dump begins, or moves on. @param uuid undefined: it has none. @returns its connection */
  read(file: number, uuid: string | undefined, connection?: number): number {
    const id = connection ?? (this.#connections += 1)
    const identity = { connectionId: id, serverId: id, uuid, user: 'repl', address: 'db:1' }
    const place = { file: fileName(file), position: 50 * 2 ** 20 }
    const begun = { file: fileName(1), position: 4 }
    const progress = { ...place, begun, state: 'sending', bytesSent: 0 } as const
    const dump: Dump = { progress: { ...progress }, replace: () => {}, nonBlocking: false }
    this.replicas.beginDump(identity, dump)
    this.#read.set(id, file)
    this.#showReaders()
    return id
  }

  leave(connection: number): void {
    this.replicas.disconnect(connection)
    this.#read.delete(connection)
    this.#showReaders()
  }

  #showReaders(): void {
    const read = [...this.#read.values()].map(fileName)
    this.files = this.files.map((file) => ({
      ...file,
      readers: read.filter((name) => name === file.name).length,
    }))
  }
}

export class FakeCluster {
  readonly clock = new FakeClock()
  readonly nodes: FakeNode[] = []
  leader: string
  readonly isAlone: boolean

  constructor(names: readonly string[]) {
    this.leader = present(names[0], 'a node')
    this.isAlone = names.length === 1
    for (const name of names) this.nodes.push(new FakeNode(this, name))
  }

  node(name: string): FakeNode {
    return present(
      this.nodes.find((one) => one.name === name),
      name,
    )
  }

  /** The others as this node sees them. */
  nodeOf(self: FakeNode): ClusterPeers {
    const ask = (name: string, method: string, body: unknown): Promise<unknown> =>
      this.#ask(name, method, body)
    const leader = (): string => this.leader
    const others = (): { name: string; isAlive: boolean }[] =>
      this.nodes.filter((one) => one !== self).map(({ name, isAlive }) => ({ name, isAlive }))
    return {
      name: self.name,
      get leader() {
        return leader()
      },
      askLeader: (method: string, body: unknown) => ask(leader(), method, body),
      management: {
        handle: (method: string, answer: Answer) => void self.answers.set(method, answer),
        ask,
        get others() {
          return others()
        },
      },
    }
  }

  async #ask(name: string, method: string, body: unknown): Promise<unknown> {
    const { isAnswering, answers } = this.node(name)
    if (!isAnswering) throw new OperationalError('E_PEER_UNREACHABLE', `${name} does not answer`)
    const answer = present(answers.get(method), method)
    const back = await answer(JSON.parse(JSON.stringify(body)))
    assert(back !== undefined, 'an answer is JSON')
    return JSON.parse(JSON.stringify(back))
  }

  /** Looks at all replicas every two seconds, for so long. */
  async pass(ms: number): Promise<void> {
    const stop = new AbortController()
    const running = this.nodes.map(({ keeper }) => keeper.run(stop.signal))
    for (let passed = 0; passed <= ms; passed += 1000) {
      await settled()
      this.clock.pass(1000)
    }
    stop.abort()
    this.clock.pass(10_000)
    await Promise.all(running)
  }
}

/** Everything that can go on without time passing has done so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
}

function fileInfo(number: number): FileInfo {
  return {
    name: fileName(number),
    size: 100 * 2 ** 20,
    firstSequence: number,
    firstTimestamp: 0,
    lastTimestamp: number * 1000,
    sourceFile: fileName(number),
    sourceUuid: '',
    active: number === 9,
    readers: 0,
  }
}
