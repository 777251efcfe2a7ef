import { OperationalError } from '../../lib/index.ts'
import type { ClusterFace } from '../cluster-face.ts'
import type { ClusterStatus, MemberStatus, NewMember } from '../cluster-schemas.ts'

const END = { sequence: 12, file: 'binlog.000002', position: 1200 }
const VISIBLE = { file: END.file, position: END.position }
const ALARM = {
  code: 'E_STORE_DAMAGED',
  message: 'binlog.000001 of two is damaged between its bytes 4 and 120',
  file: 'binlog.000001',
  from: 4,
  to: 120,
}

/** Three nodes, of which `one` leads, that do at once what they are asked for. */
export class MemoryCluster implements ClusterFace {
  readonly #members = new Map<string, MemberStatus>()
  #leader: string | null = 'one'
  #epoch = 4
  /** the node that has an alarm */
  damaged: string | undefined

  constructor() {
    for (const [at, name] of ['one', 'two', 'three'].entries()) this.#put(name, 9600 + 10 * at)
  }

  /** Nobody leads any more. */
  loseLeader(): void {
    this.#leader = null
  }

  async status(): Promise<ClusterStatus> {
    const nodes = [...this.#members.values()].map(({ name, role }) => ({
      name,
      role: this.#roleOf(name, role),
      epoch: this.#epoch,
      end: END.sequence,
      visibleEnd: VISIBLE,
      address: '127.0.0.1:3390',
      alarms: name === this.damaged ? [ALARM] : [],
    }))
    return { name: 'one', leader: this.#leader, epoch: this.#epoch, committed: END, nodes }
  }

  async members(): Promise<MemberStatus[]> {
    return [...this.#members.values()].map((member) => ({
      ...member,
      isLeader: member.name === this.#leader,
    }))
  }

  async add({ name, peerUrl, adminUrl, observer }: NewMember): Promise<void> {
    if (this.#members.has(name)) {
      throw new OperationalError('E_MEMBER_EXISTS', `the node ${name} is in the cluster already`)
    }
    const id = (0xd000_0000_0000_0000n + BigInt(this.#members.size)).toString(16)
    const role = observer ? 'observer' : 'voter'
    const isLeader = false
    this.#members.set(name, { id, name, peerUrl, adminUrl: adminUrl ?? null, isLeader, role })
  }

  async changeUrl(name: string, peerUrl: string): Promise<void> {
    this.#members.set(name, { ...this.#member(name), peerUrl })
  }

  async remove(name: string): Promise<void> {
    this.#member(name)
    if (name === this.#leader) {
      const message = `${name} leads: hand over first, with kingbus members lead NAME`
      throw new OperationalError('E_MEMBER_REFUSED', message)
    }
    this.#members.delete(name)
  }

  async lead(name: string): Promise<void> {
    this.#member(name)
    this.#leader = name
    this.#epoch += 1
  }

  #put(name: string, port: number): void {
    const id = (0xe2a0_e8de_3b98_eec6n + BigInt(port)).toString(16)
    const urls = { peerUrl: `http://127.0.0.1:${port}`, adminUrl: 'http://127.0.0.1:9595' }
    this.#members.set(name, { id, name, ...urls, isLeader: false, role: 'voter' })
  }

  #member(name: string): MemberStatus {
    const member = this.#members.get(name)
    if (member !== undefined) return member
    throw new OperationalError('E_MEMBER_UNKNOWN', `no node ${name} is in the cluster`)
  }

  #roleOf(name: string, role: MemberStatus['role']): 'leader' | 'in-sync' | 'observer' {
    if (name === this.#leader) return 'leader'
    return role === 'observer' ? 'observer' : 'in-sync'
  }
}
