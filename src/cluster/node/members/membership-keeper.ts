import { type Logger, messageOf, OperationalError, type Watched } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import type { MemberRecord, Membership } from '../../etcd/index.ts'
import { keyOf, type Member } from '../../protocol/state/cluster-state.ts'
import type { Driver } from '../driver.ts'

/** etcd refuses changes for some seconds after each one. */
const LOOK_MS = 500

export interface MembershipKeeperOptions {
  readonly driver: Driver
  /** what the operator wants; undefined until it was read */
  readonly members: Watched<ReadonlyMap<string, MemberRecord> | undefined>
  /** undefined where the operator keeps etcd */
  readonly etcd: Membership | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * While this node leads, it brings the voters to what the operator wants, one at a time (rule 12): a node that is
 * wanted and has everything becomes a voter, a new store of a voter takes the old one's place (rule 13), who is not
 * wanted any more leaves. etcd's members follow: who votes here is given a vote there, who has left is removed.
 */
export class MembershipKeeper {
  readonly #options: MembershipKeeperOptions
  /** what etcd refused last, so that it is told once */
  #refusal = ''

  constructor(options: MembershipKeeperOptions) {
    this.#options = options
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, driver } = this.#options
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal)
      if (signal.aborted || driver.node.leader === undefined) continue
      this.#keepVoters()
      await this.#keepEtcd()
    }
  }

  #keepVoters(): void {
    const { driver, members } = this.#options
    const { leader } = driver.node
    const wanted = members.value
    if (leader === undefined || wanted === undefined) return
    const leaving = leader.base.voters.find(({ node }) => wanted.get(node)?.isObserver !== false)
    const coming = [...leader.peers.values()].map(({ member }) => member).find(this.#isComing)
    if (coming !== undefined) this.#wish('add', coming)
    // Who leads does not remove itself: it lets another lead, who does.
    else if (leaving !== undefined && keyOf(leaving) !== keyOf(driver.node.context.self)) {
      this.#wish('remove', leaving)
    }
  }

  readonly #isComing = (member: Member): boolean => {
    const { driver, members } = this.#options
    const { leader } = driver.node
    const isWanted = members.value?.get(member.node)?.isObserver === false
    const isVoter = leader?.base.voters.some((voter) => keyOf(voter) === keyOf(member)) === true
    return isWanted && !isVoter && leader?.isReady(member) === true
  }

  #wish(kind: 'add' | 'remove', member: Member): void {
    const { driver, logger } = this.#options
    const what = kind === 'add' ? 'a node becomes a voter' : 'a voter is removed'
    logger.info({ node: member.node, store: member.store }, what)
    driver.give({ kind: 'wish', wish: { kind, member } })
  }

  async #keepEtcd(): Promise<void> {
    const { etcd, logger } = this.#options
    if (etcd === undefined) return
    try {
      await this.#changeEtcd(etcd)
      this.#refusal = ''
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      const refusal = messageOf(thrown)
      if (refusal !== this.#refusal)
        logger.debug({ refusal }, 'etcd does not change its members yet')
      this.#refusal = refusal
    }
  }

  async #changeEtcd(etcd: Membership): Promise<void> {
    const { driver, members, logger } = this.#options
    const { leader } = driver.node
    const wanted = members.value
    if (leader === undefined || wanted === undefined) return
    const list = await etcd.list()
    for (const [name, { etcdPeerUrl }] of wanted) {
      const found = list.find(({ peerUrls }) => peerUrls.includes(etcdPeerUrl ?? ''))
      const isVoter = leader.base.voters.some(({ node }) => node === name)
      if (found?.isLearner !== true || !isVoter || found.name === '') continue
      await etcd.promote(found.id)
      logger.info({ node: name }, 'its member of etcd has a vote now')
      return
    }
    const urls = new Set([...wanted.values()].map(({ etcdPeerUrl }) => etcdPeerUrl))
    const voters = new Set(leader.base.voters.map(({ node }) => node))
    for (const { id, name, peerUrls } of list) {
      if (peerUrls.some((url) => urls.has(url)) || voters.has(name)) continue
      await etcd.remove(id)
      logger.info({ node: name, peerUrls: peerUrls.join() }, 'removed from the members of etcd')
      return
    }
  }
}
