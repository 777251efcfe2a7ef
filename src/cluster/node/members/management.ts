import { etcdUrlsBeside, formatUrl } from '../../../config/index.ts'
import { messageOf, OperationalError, type Watched, waitUntil } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import type { Membership, Register } from '../../etcd/index.ts'
import { linkAddressOf } from '../../link/index.ts'
import { keyOf, type Member } from '../../protocol/state/cluster-state.ts'
import type { Driver } from '../driver.ts'
import type { Directory } from './directory.ts'
import {
  type ClusterReport,
  type NodeReport,
  nodeReport,
  type ReportedNode,
} from './node-report.ts'

/** A change of the members is waited for so long. */
const CHANGE_MS = 30_000
const LOOK_MS = 100
const STATUS_MS = 2000
const ASK_MS = 5000
const HAND_OVER_MS = 8000

export interface ManagementOptions {
  readonly name: string
  readonly driver: Watched<Driver | undefined>
  readonly register: Register
  readonly etcd: Membership | undefined
  readonly directory: Directory
  readonly self: () => NodeReport
  readonly clock: Clock
}

export interface NewMember {
  readonly name: string
  readonly peerUrl: URL
  readonly isObserver: boolean
}

/** What people ask of a cluster by any of its nodes. */
export class Management {
  readonly #options: ManagementOptions
  readonly #answers = new Map<string, (body: unknown) => Promise<unknown>>()

  constructor(options: ManagementOptions) {
    this.#options = options
  }

  /** How another part of this node answers the others. */
  handle(method: string, answer: (body: unknown) => Promise<unknown>): void {
    this.#answers.set(method, answer)
  }

  /** Asks another node; its answer is as trustworthy as that node. @throws OperationalError */
  async ask(node: string, method: string, body: unknown): Promise<unknown> {
    return await this.#options.directory.call(node, method, body, ASK_MS)
  }

  /** Answers another node. @throws OperationalError */
  async answer(method: string, body: unknown): Promise<unknown> {
    if (method === 'status') return this.#options.self()
    if (method === 'hand-over') return await this.handOver(String(body), HAND_OVER_MS)
    const answer = this.#answers.get(method)
    if (answer !== undefined) return await answer(body)
    throw new OperationalError('E_PEER_VERSION', `this node does not know the call '${method}'`)
  }

  // ---- looking

  /** What this node is at the moment: away while it takes no part. */
  get role(): ReportedNode['role'] {
    const { name, driver, self } = this.#options
    if (driver.value === undefined) return 'away'
    return this.#role(name, self(), driver.value.node.leader === undefined ? undefined : name)
  }

  /** the newest that is known here; 0 before */
  get epoch(): number {
    return this.#options.driver.value?.node.context.register.state?.epoch ?? 0
  }

  /** The other members, and whether each shows in etcd that it lives; undefined while etcd has not told. */
  get others(): readonly { readonly name: string; readonly isAlive: boolean }[] | undefined {
    const { name: own, directory } = this.#options
    const { members, nodes } = directory
    if (members.value === undefined) return undefined
    return [...members.value.keys()]
      .filter((name) => name !== own)
      .map((name) => ({ name, isAlive: nodes.value.has(name) }))
  }

  async status(): Promise<ClusterReport> {
    const { driver, directory } = this.#options
    const { members, nodes } = directory
    const context = driver.value?.node.context
    // Who was removed may live on.
    const names = members.value?.keys() ?? nodes.value.keys()
    const all = [...names]
    const reports = await Promise.all(all.map((name) => this.#report(name)))
    const leading = reports.find((report) => report?.isLeading === true)
    return {
      name: context?.facts.now.cluster ?? '',
      leader: leading?.name,
      epoch: this.epoch,
      committed: { sequence: context?.facts.now.known ?? 0, position: leading?.visible ?? null },
      nodes: all.map((name, index) => this.#reported(name, reports[index], leading?.name)),
    }
  }

  #reported(
    name: string,
    report: NodeReport | undefined,
    leader: string | undefined,
  ): ReportedNode {
    const { members, nodes } = this.#options.directory
    const peerUrl = nodes.value.get(name)?.peerUrl ?? members.value?.get(name)?.peerUrl ?? ''
    const isObserver = members.value?.get(name)?.isObserver === true
    return { name, role: this.#role(name, report, leader), peerUrl, isObserver, report }
  }

  #role(
    name: string,
    report: NodeReport | undefined,
    leader: string | undefined,
  ): ReportedNode['role'] {
    const { driver, directory } = this.#options
    if (report === undefined || report.trouble !== null) return 'away'
    if (name === leader) return 'leader'
    if (directory.members.value?.get(name)?.isObserver === true) return 'observer'
    const inSync = driver.value?.node.context.register.state?.inSync ?? []
    const isIn = inSync.some((member) => keyOf(member) === `${name}/${report.store}`)
    return isIn ? 'in-sync' : 'catching-up'
  }

  /** undefined when it does not answer */
  async #report(name: string): Promise<NodeReport | undefined> {
    if (name === this.#options.name) return this.#options.self()
    try {
      return nodeReport.parse(await this.#options.directory.call(name, 'status', null, STATUS_MS))
    } catch {
      return undefined
    }
  }

  // ---- changing

  /** Resolves when the node is one of the members that are wanted; it counts once it has everything. */
  async add({ name, peerUrl, isObserver }: NewMember): Promise<void> {
    const { etcd, register } = this.#options
    const etcdPeerUrl = isObserver || etcd === undefined ? undefined : etcdUrlBeside(peerUrl)
    const key = register.member(name)
    const present = await key.read()
    if (present !== undefined || this.#hasUrl(peerUrl)) {
      const message = `there is a member ${name}, or one at ${peerUrl.origin}, already`
      throw new OperationalError('E_MEMBER_EXISTS', message, { name })
    }
    if (etcdPeerUrl !== undefined) await this.#addToEtcd(etcdPeerUrl)
    const record = { peerUrl: peerUrl.origin, isObserver }
    await key.swap(undefined, { ...record, ...(etcdPeerUrl === undefined ? {} : { etcdPeerUrl }) })
    await this.#until(
      `${name} to be listed`,
      () => this.#options.directory.members.value?.has(name) === true,
    )
  }

  #hasUrl({ origin }: URL): boolean {
    const members = this.#options.directory.members.value?.values() ?? []
    return [...members].some(({ peerUrl }) => peerUrl === origin)
  }

  async #addToEtcd(peerUrl: string): Promise<void> {
    const { etcd } = this.#options
    if (etcd === undefined) return
    const isThere = async (): Promise<boolean> =>
      (await etcd.list()).some(({ peerUrls }) => peerUrls.includes(peerUrl))
    await this.#repeat('etcd to take another member', async () => {
      if (await isThere()) return true
      await etcd.addLearner([peerUrl])
      return await isThere()
    })
  }

  /** Where the others find a member from now on. */
  async changeUrl(name: string, peerUrl: URL): Promise<void> {
    const { etcd, register } = this.#options
    const key = register.member(name)
    const seen = await key.read()
    if (seen === undefined) throw unknownMember(name)
    const { etcdPeerUrl: old } = seen.content
    const etcdPeerUrl = old === undefined ? undefined : etcdUrlBeside(peerUrl)
    if (etcd !== undefined && etcdPeerUrl !== undefined && old !== etcdPeerUrl) {
      await this.#repeat('etcd to move a member', async () => {
        const found = (await etcd.list()).find(({ peerUrls }) => peerUrls.includes(old ?? ''))
        if (found !== undefined && !found.isLearner) await etcd.movePeer(found.id, [etcdPeerUrl])
        return true
      })
    }
    await key.swap(seen, { ...seen.content, peerUrl: peerUrl.origin, etcdPeerUrl })
  }

  /** Resolves when the node does not count any more and etcd has forgotten it. */
  async remove(name: string): Promise<void> {
    const { register, etcd, directory } = this.#options
    const record = directory.members.value?.get(name)
    if (record === undefined) throw unknownMember(name)
    if (this.#leader === name) await this.lead(undefined)
    await this.#repeat(`${name} to be taken from the list`, () => register.removeMember(name))
    await this.#until(`${name} to count no more`, () => {
      const voters = this.#options.driver.value?.node.context.register.state?.voters ?? []
      return voters.every(({ node }) => node !== name)
    })
    if (etcd === undefined) return
    await this.#repeat('etcd to remove the member', async () =>
      (await etcd.list()).every(({ peerUrls }) => !peerUrls.includes(record.etcdPeerUrl ?? '')),
    )
  }

  /** Resolves when that node leads; undefined: any other than the one that leads now. */
  async lead(name: string | undefined): Promise<void> {
    const leader = this.#leader
    if (leader === undefined) {
      throw new OperationalError('E_NOT_LEADER', 'nobody leads at the moment')
    }
    if (name !== undefined && this.#options.directory.members.value?.has(name) !== true) {
      throw unknownMember(name)
    }
    if (leader === name) return
    const to = name ?? ''
    if (leader === this.#options.name) await this.handOver(to, HAND_OVER_MS)
    else await this.#options.directory.call(leader, 'hand-over', to, HAND_OVER_MS)
    await this.#until(`${to === '' ? 'another node' : to} to lead`, () => {
      const now = this.#leader
      return now !== undefined && (name === undefined ? now !== leader : now === name)
    })
  }

  /**
   * This node, which leads, lets another one do it; resolves when it does not lead any more, or it is too late.
   * @param to '' for any. @throws OperationalError E_NOT_LEADER, E_MEMBER_REFUSED
   */
  async handOver(to: string, withinMs: number): Promise<void> {
    const driver = this.#options.driver.value
    const leader = driver?.node.leader
    if (driver === undefined || leader === undefined) {
      throw new OperationalError('E_NOT_LEADER', 'this node does not lead')
    }
    const { heirs } = this
    const heir = to === '' ? heirs[0] : heirs.find(({ node }) => node === to)
    if (heir === undefined) {
      const who = to === '' ? 'no other node is' : `${to} is not`
      const message = `${who} in-sync and present, so it cannot lead now`
      throw new OperationalError('E_MEMBER_REFUSED', message, { node: to })
    }
    const late = new AbortController()
    const cancel = this.#options.clock.after(withinMs, () => late.abort())
    driver.give({ kind: 'hand-over', to: heir })
    await waitUntil(driver.leading, (epoch) => epoch === undefined, late.signal)
    cancel()
  }

  /** The members that could lead now, if this node leads. */
  get heirs(): readonly Member[] {
    const { driver, name } = this.#options
    const leader = driver.value?.node.leader
    const others = leader?.base.inSync.filter(({ node }) => node !== name) ?? []
    return others.filter((member) => leader !== undefined && leader.endOf(member) > 0)
  }

  get #leader(): string | undefined {
    return this.#options.driver.value?.node.context.register.state?.leader?.node
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    await this.#repeat(what, () => Promise.resolve(condition()))
  }

  /** Again and again, as long as etcd or a peer only refuse for the moment. */
  async #repeat(what: string, step: () => Promise<boolean>): Promise<void> {
    const { clock } = this.#options
    const endMs = clock.monotonicMs() + CHANGE_MS
    let why = ''
    for (;;) {
      try {
        if (await step()) return
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
        why = `: ${messageOf(thrown)}`
      }
      if (clock.monotonicMs() > endMs) {
        throw new OperationalError(
          'E_CLUSTER_LATE',
          `waited ${CHANGE_MS / 1000} s for ${what}${why}`,
        )
      }
      await clock.sleep(LOOK_MS)
    }
  }
}

function unknownMember(name: string): OperationalError {
  return new OperationalError('E_MEMBER_UNKNOWN', `there is no member ${name}`, { name })
}

/** Where the members of etcd find that of a node. */
function etcdUrlBeside(peerUrl: URL): string {
  return formatUrl(etcdUrlsBeside(linkAddressOf(peerUrl)).etcdPeerUrl)
}
