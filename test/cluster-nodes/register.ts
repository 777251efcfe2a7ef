import type { ClusterState, LeaderName } from '../../src/cluster/index.ts'
import type { Driver, RegisterCalls } from '../../src/cluster/node/driver.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import { SimulatedEtcd } from '../cluster-simulation/etcd.ts'

const LEASE_MS = 2000
const CALL_LIMIT_MS = 1500

type Alive = Pick<LeaderName, 'node' | 'incarnation'>

/** etcd as the nodes see it: the register with its history, and the sign of life of a leader. */
export class RegisterService {
  readonly etcd: SimulatedEtcd
  /** undefined when nobody leads, or its lease has run out */
  alive: Alive | undefined
  /** nodes that do not reach it */
  readonly cutOff = new Set<string>()
  readonly clock: ProcessClock
  readonly random: SeededRandom
  #leaseEndMs = 0
  readonly #watchers = new Set<() => void>()

  /** @param clock of the world */
  constructor(first: ClusterState, clock: ProcessClock, random: SeededRandom) {
    this.etcd = new SimulatedEtcd(first)
    this.clock = clock
    this.random = random
  }

  /** @returns what ends the watch */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed)
    return () => this.#watchers.delete(changed)
  }

  tell(): void {
    for (const changed of this.#watchers) changed()
  }

  /** @param leader who takes over with this write, bound to a lease in the same transaction */
  apply(
    write: Parameters<SimulatedEtcd['apply']>[0],
    leader: Alive | undefined,
  ): number | undefined {
    const { etcd } = this
    etcd.writes.push(write)
    const isApplied = etcd.apply(write)
    etcd.answers = []
    if (!isApplied) return undefined
    if (leader !== undefined) this.bind(leader)
    this.tell()
    return etcd.revision
  }

  bind(leader: Alive): void {
    this.alive = leader
    this.keep(leader)
    this.tell()
  }

  keep({ node, incarnation }: Alive): void {
    if (!this.shows({ node, incarnation })) return
    this.#leaseEndMs = this.clock.monotonicMs() + LEASE_MS
    this.clock.after(LEASE_MS, () => this.#expire())
  }

  shows({ node, incarnation }: Alive): boolean {
    return this.alive?.node === node && this.alive.incarnation === incarnation
  }

  withdraw(leader: Alive): void {
    if (!this.shows(leader)) return
    this.alive = undefined
    this.tell()
  }

  #expire(): void {
    if (this.alive === undefined || this.clock.monotonicMs() < this.#leaseEndMs) return
    this.alive = undefined
    this.tell()
  }
}

export interface RegisterClientOptions {
  readonly service: RegisterService
  readonly self: LeaderName
  readonly driver: () => Driver
  /** of the process */
  readonly clock: ProcessClock
  /** what the watch has shown of the leader's life has changed */
  readonly changed: () => void
}

/**
 * What one life of a node asks of the register: calls that come late or never, answers that get lost, a watch that
 * lags.
 */
export class RegisterClient implements RegisterCalls {
  /** the leader's sign of life, as this node has heard of it */
  alive: Alive | undefined
  readonly #options: RegisterClientOptions
  readonly #unwatch: () => void
  #seen = 0
  #isTold = true
  #isOver = false

  constructor(options: RegisterClientOptions) {
    this.#options = options
    this.#unwatch = options.service.watch(() => this.#notice())
  }

  start(): void {
    this.#notice()
    this.#keepLease()
  }

  end(): void {
    this.#isOver = true
    this.#unwatch()
  }

  read(id: number): void {
    const { service } = this.#options
    this.#send(() => {
      const { revision, state } = service.etcd
      this.#answer(() => this.#driver.give({ kind: 'state-read', id, revision, state }))
    })
  }

  write(id: number, compare: number, state: ClusterState): void {
    const { service, self } = this.#options
    const { node, incarnation } = self
    const before = service.etcd.at(compare)
    const leader = state.epoch > before.epoch ? { node, incarnation } : undefined
    let isAnswered = false
    const outcome = (outcome: Parameters<Driver['give']>[0] & { kind: 'state-written' }): void => {
      if (isAnswered) return
      isAnswered = true
      this.#driver.give(outcome)
    }
    this.#options.clock.after(CALL_LIMIT_MS, () =>
      outcome({ kind: 'state-written', id, outcome: { kind: 'unknown' } }),
    )
    this.#send(() => {
      const revision = service.apply({ id, node, incarnation, compare, state }, leader)
      const answer =
        revision === undefined
          ? ({ kind: 'refused' } as const)
          : ({ kind: 'applied', revision } as const)
      this.#answer(() => outcome({ kind: 'state-written', id, outcome: answer }))
    })
  }

  /** Gives up the sign of life of a leader; a call that is lost is made again. */
  withdraw(): void {
    const { service, self, clock } = this.#options
    if (this.#leads()) return
    this.#send(() => service.withdraw(self))
    clock.after(CALL_LIMIT_MS, () => {
      if (service.shows(self)) this.withdraw()
    })
  }

  // ---- inside

  get #driver(): Driver {
    return this.#options.driver()
  }

  get #isCutOff(): boolean {
    const { service, self } = this.#options
    return service.cutOff.has(self.node)
  }

  /** A request: it is carried out at once, late, or never. */
  #send(work: () => void): void {
    const { service } = this.#options
    const { random } = service
    if (random.chance(this.#isCutOff ? 0.9 : 0.02)) return
    const isLate = this.#isCutOff || random.chance(0.03)
    const lateMs = isLate ? random.between(100, 6000) : random.fraction() * 5
    service.clock.after(lateMs, work)
  }

  /** An answer, if it comes. */
  #answer(work: () => void): void {
    const { service, clock } = this.#options
    const { random } = service
    if (this.#isCutOff || random.chance(0.03)) return
    clock.after(random.fraction() * 5, () => {
      if (!this.#isOver) work()
    })
  }

  #notice(): void {
    if (!this.#isTold || this.#isOver) return
    this.#isTold = false
    this.#lookLater()
  }

  #lookLater(): void {
    const { service, clock } = this.#options
    const { random } = service
    const lagMs = random.chance(0.9) ? random.between(1, 40) : random.between(100, 1500)
    clock.after(lagMs, () => {
      if (this.#isOver) return
      if (this.#isCutOff) return this.#lookLater()
      this.#isTold = true
      this.#look()
    })
  }

  #look(): void {
    const { service, changed } = this.#options
    const { revision, state } = service.etcd
    this.alive = service.alive
    if (revision > this.#seen) {
      this.#seen = revision
      this.#driver.give({ kind: 'state-seen', revision, state })
    }
    changed()
  }

  #keepLease(): void {
    const { service, clock, self } = this.#options
    clock.after(LEASE_MS / 4, () => {
      if (this.#isOver) return
      if (!this.#isCutOff) {
        if (service.alive === undefined && this.#leads()) service.bind(self)
        else service.keep(self)
      }
      this.#keepLease()
    })
  }

  /** It leads by the very state that the register has. */
  #leads(): boolean {
    return this.#driver.node.leader?.revision === this.#options.service.etcd.revision
  }
}
