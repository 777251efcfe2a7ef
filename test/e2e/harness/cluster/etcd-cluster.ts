import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Authority } from '../../../../src/cluster/authority.ts'
import { ClusterSecret } from '../../../../src/cluster/cluster-secret.ts'
import {
  EtcdClient,
  EtcdMember,
  type MemberSettings,
  type MemberState,
  memberTls,
} from '../../../../src/cluster/etcd/index.ts'
import type { Logger } from '../../../../src/lib/index.ts'
import {
  systemClock,
  systemDisk,
  systemProcesses,
  systemRandom,
} from '../../../../src/platform/index.ts'
import { atExit } from '../child.ts'
import { freePort } from '../ports.ts'
import { etcdProgram, makeRunFolder } from '../project.ts'
import { sendSignal } from '../signals.ts'
import { waitFor } from '../wait.ts'

export const SECRET = 'a secret of the test cluster'

/** A logger that keeps its lines, to be looked at and to explain a failure. */
export class KeptLog implements Logger {
  readonly lines: string[] = []

  readonly debug = this.#keep('debug')
  readonly info = this.#keep('info')
  readonly warn = this.#keep('warn')
  readonly error = this.#keep('error')

  child(): Logger {
    return this
  }

  tail(lines = 30): string {
    return this.lines.slice(-lines).join('\n')
  }

  #keep(level: string): (fields: Readonly<Record<string, unknown>>, message: string) => void {
    return (fields, message) => {
      const facts = JSON.stringify(fields, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      this.lines.push(`${level} ${message} ${facts}`)
    }
  }
}

/** One supervised member of etcd, as a node has it. */
export class EtcdNode {
  readonly settings: MemberSettings
  readonly dataDir: string
  readonly log = new KeptLog()
  readonly authority: Authority
  binary = etcdProgram('etcd')
  #member: EtcdMember | undefined
  #stop = new AbortController()
  #ended: Promise<unknown> = Promise.resolve()

  constructor(settings: MemberSettings, authority: Authority) {
    this.settings = settings
    this.authority = authority
    this.dataDir = makeRunFolder(`etcd-${settings.name}`)
    atExit(() => this.signal('SIGKILL'))
  }

  get address(): string {
    return new URL(this.settings.clientUrl).host
  }

  get state(): MemberState {
    if (this.#member === undefined) throw new Error('the member was not started')
    return this.#member.state.value
  }

  /** Every state that the member has from now on. */
  get states(): MemberState[] {
    const states: MemberState[] = []
    this.#member?.state.follow((state) => states.push(state))
    return states
  }

  get pid(): number | undefined {
    const { state } = this
    return 'pid' in state ? state.pid : undefined
  }

  /** Starts the supervision; what it ended with, once it has. */
  start(): Promise<unknown> {
    this.#stop = new AbortController()
    this.#member = new EtcdMember({
      binary: this.binary,
      dataDir: this.dataDir,
      settings: this.settings,
      authority: this.authority,
      disk: systemDisk,
      processes: systemProcesses,
      clock: systemClock,
      random: systemRandom,
      log: this.log,
    })
    this.#ended = this.#member.run(this.#stop.signal).catch((thrown: unknown) => thrown)
    return this.#ended
  }

  async waitForPhase(phase: MemberState['phase'], timeoutMs = 30_000): Promise<MemberState> {
    const what = `the member ${this.settings.name} to be ${phase}`
    const explain = (): string => `but it is ${this.state.phase}\n${this.log.tail()}`
    const patience = { what, timeoutMs, explain, stepMs: 5 }
    return await waitFor(patience, async () => this.state.phase === phase && this.state)
  }

  signal(name: NodeJS.Signals): void {
    const pid = this.#member === undefined ? undefined : this.pid
    if (pid !== undefined) sendSignal(pid, name)
  }

  /** Ends the supervision, as a node that stops does; an etcd that hangs is left hanging. */
  async abort(): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }

  async stop(): Promise<void> {
    this.signal('SIGCONT')
    await this.abort()
  }

  /** Runs etcdctl against this member, with a certificate of the cluster. */
  async etcdctl(...args: readonly string[]): Promise<string> {
    const file = (name: string): string => join(this.dataDir, 'etcd-member', name)
    const trust = ['--cacert', file('authority.pem'), '--cert', file('client.pem')]
    const where = ['--endpoints', `https://${this.address}`, '--key', file('client-key.pem')]
    const all = [...where, ...trust, ...args]
    const { stdout } = await promisify(execFile)(etcdProgram('etcdctl'), all)
    return stdout
  }
}

export interface EtcdClusterOptions {
  readonly heartbeatMs?: number
  readonly electionMs?: number
}

/** Members of one etcd cluster on 127.0.0.1, each supervised by itself. */
export class EtcdCluster {
  readonly nodes: readonly EtcdNode[]
  readonly authority: Authority
  readonly #clients: EtcdClient[] = []

  /** Starts so many members and waits until all are ready. */
  static async start(size: number, options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const authority = await Authority.from(await ClusterSecret.from(SECRET))
    const names = Array.from({ length: size }, (_, index) => `n${index + 1}`)
    const ports = await Promise.all(names.map(async () => [await freePort(), await freePort()]))
    const url = (port: number | undefined): string => `https://127.0.0.1:${port}`
    const initial = names.map((name, index) => `${name}=${url(ports[index]?.[0])}`)
    const nodes = names.map((name, index) => {
      const settings: MemberSettings = {
        name,
        peerUrl: url(ports[index]?.[0]),
        clientUrl: url(ports[index]?.[1]),
        initialCluster: initial.join(','),
        initialClusterState: 'new',
        clusterToken: `test-${initial.join('-')}`,
        heartbeatMs: options.heartbeatMs ?? 100,
        electionMs: options.electionMs ?? 1000,
      }
      return new EtcdNode(settings, authority)
    })
    const cluster = new EtcdCluster(nodes, authority)
    for (const node of nodes) void node.start()
    await cluster.waitUntilReady()
    return cluster
  }

  private constructor(nodes: readonly EtcdNode[], authority: Authority) {
    this.nodes = nodes
    this.authority = authority
  }

  async waitUntilReady(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.waitForPhase('ready')))
  }

  /** Lets members go on that a test froze; one that failed half-way leaves none frozen for the next. */
  async thaw(): Promise<void> {
    for (const node of this.nodes) node.signal('SIGCONT')
    await this.waitUntilReady()
  }

  node(index: number): EtcdNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  /** A client that prefers the first of these addresses; all members in their order by default. */
  async client(endpoints = this.nodes.map(({ address }) => address)): Promise<EtcdClient> {
    const own = await this.authority.issueForClient('test')
    const tls = memberTls(this.authority, own)
    const client = new EtcdClient({ endpoints, tls, clock: systemClock })
    this.#clients.push(client)
    return client
  }

  /** The member that leads etcd's Raft. */
  async leader(): Promise<EtcdNode> {
    return await waitFor({ what: 'a leader of etcd' }, async () => {
      for (const node of this.nodes) {
        const said = await node.etcdctl('endpoint', 'status', '-w', 'json').catch(() => '[]')
        const [entry] = JSON.parse(said) as { Status: StatusJson }[]
        // etcd's ids do not fit into a number, but both are rounded in the same way.
        if (entry !== undefined && entry.Status.leader === entry.Status.header.member_id)
          return node
      }
      return undefined
    })
  }

  /** Hands etcd's leadership to one member, if it is not its own already. */
  async leadBy(index: number): Promise<void> {
    const leader = await this.leader()
    const next = this.node(index)
    if (leader === next) return
    const said = await next.etcdctl('endpoint', 'status', '-w', 'fields')
    const id = /"MemberID" : (\d+)/.exec(said)?.[1] ?? ''
    await leader.etcdctl('move-leader', BigInt(id).toString(16))
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close()
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

interface StatusJson {
  readonly leader: number
  readonly header: { readonly member_id: number }
}
