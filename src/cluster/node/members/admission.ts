import { OperationalError, waitUntil } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import { isPassing, type Register } from '../../etcd/index.ts'
import type { Member } from '../../protocol/state/cluster-state.ts'
import type { Driver } from '../driver.ts'
import type { Directory } from './directory.ts'

const RETRY_MS = 500

export interface AdmissionOptions {
  readonly name: string
  readonly directory: Pick<Directory, 'members'>
  readonly register: Pick<Register, 'state'>
  readonly clock: Clock
}

/**
 * Whether this node belongs to the cluster: the operator has it among the members, or it counts still. One that was
 * removed, or is not added yet, takes no part: nobody waits for it, and it dials nobody.
 */
export class Admission {
  readonly #options: AdmissionOptions

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * Resolves when this node belongs to the cluster, or the signal fires.
   * @param refused called once, when it does not and has to wait
   */
  async wait(refused: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { directory, name } = this.#options
    await waitUntil(directory.members, (members) => members !== undefined, signal)
    const voters = await this.#voters(signal)
    if (voters === undefined || this.#belongs(voters)) return
    await refused()
    await waitUntil(directory.members, (members) => members?.has(name) === true, signal)
  }

  /** Calls `left` when the node that lives so belongs to the cluster no more, until what is returned is called. */
  watch({ stepped, node }: Pick<Driver, 'stepped' | 'node'>, left: () => void): () => void {
    const look = (): void => {
      const { state } = node.context.register
      if (state !== undefined && !this.#belongs(state.voters)) left()
    }
    const ends = [stepped.follow(look), this.#options.directory.members.follow(look)]
    look()
    return () => {
      for (const end of ends) end()
    }
  }

  /** A list without anybody is that of an etcd that has lost its data, and says nothing of this node. */
  #belongs(voters: readonly Member[]): boolean {
    const { directory, name } = this.#options
    const members = directory.members.value
    if (members === undefined || members.size === 0 || members.has(name)) return true
    return voters.some(({ node }) => node === name)
  }

  /** undefined when the signal has fired */
  async #voters(signal: AbortSignal): Promise<readonly Member[] | undefined> {
    const { register, clock } = this.#options
    while (!signal.aborted) {
      try {
        return (await register.state.read())?.content.voters ?? []
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown
        await clock.sleep(RETRY_MS, signal)
      }
    }
    return undefined
  }
}

/** What is wrong with a node that does not belong to the cluster. @param wasIn whether it did once */
export function notAMember(name: string, wasIn: boolean): OperationalError {
  if (wasIn) {
    return new OperationalError(
      'E_MEMBER_REMOVED',
      `${name} was removed from the cluster: it serves what it has and takes in nothing more; stop it and remove ` +
        'its data directory (to have it back, add it by kingbus members add, and start it with an empty one)',
      { name },
    )
  }
  const message = `there is no member ${name} in the cluster yet: run kingbus members add there`
  return new OperationalError('E_MEMBER_UNKNOWN', message, { name })
}
