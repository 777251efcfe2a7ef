import type { EtcdClient } from './etcd-client.ts'
import type { MemberMessage, MembersResponse } from './messages.ts'
import { METHODS, type Method } from './methods.ts'
import type { Written } from './transaction.ts'

export interface Member {
  /** etcd's id, a decimal number of 64 bits */
  readonly id: string
  /** empty until the member has started */
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
  /** follows without a vote, to be promoted */
  readonly isLearner: boolean
}

/**
 * Who belongs to the etcd cluster. etcd refuses what would endanger its majority, and for some seconds
 * whatever is asked after a member has come or gone (E_ETCD_REFUSED: try again, never force). A change
 * whose answer was lost is settled by a look at the list.
 */
export class Membership {
  readonly #client: EtcdClient

  constructor(client: EtcdClient) {
    this.#client = client
  }

  async list(): Promise<readonly Member[]> {
    const { members } = await this.#client.repeatable(METHODS.memberList, { linearizable: true })
    return members.map(toMember)
  }

  /** Adds a member without a vote; the list afterwards is what the new one starts with. */
  async addLearner(
    peerUrls: readonly string[],
  ): Promise<Written<{ added: Member; all: readonly Member[] }>> {
    const request = { peerURLs: peerUrls, isLearner: true }
    const written = await this.#client.write(METHODS.memberAdd, request)
    if (written.kind === 'unknown') return written
    const { member, members } = written.answer
    return { kind: 'answered', answer: { added: toMember(member), all: members.map(toMember) } }
  }

  /** Gives a learner a vote; refused until it has caught up. */
  async promote(id: string): Promise<Written<readonly Member[]>> {
    return await this.#change(METHODS.memberPromote, { ID: id })
  }

  /** Ends the membership; the member's process ends by itself, and its data cannot be used again. */
  async remove(id: string): Promise<Written<readonly Member[]>> {
    return await this.#change(METHODS.memberRemove, { ID: id })
  }

  /** Sets where the others find a member. Never for a learner: etcd 3.5.30 gives it a vote by that. */
  async movePeer(id: string, peerUrls: readonly string[]): Promise<Written<readonly Member[]>> {
    return await this.#change(METHODS.memberUpdate, { ID: id, peerURLs: peerUrls })
  }

  async #change<Request>(
    method: Method<Request, MembersResponse>,
    request: Request,
  ): Promise<Written<readonly Member[]>> {
    const written = await this.#client.write(method, request)
    if (written.kind === 'unknown') return written
    return { kind: 'answered', answer: written.answer.members.map(toMember) }
  }
}

function toMember({ ID, name, peerURLs, clientURLs, isLearner }: MemberMessage): Member {
  return { id: ID, name, peerUrls: peerURLs, clientUrls: clientURLs, isLearner }
}
