import { type Logger, messageOf } from '../../../lib/index.ts'
import type { Register } from '../../etcd/index.ts'
import type { Directory } from '../members/directory.ts'
import { nodeReport } from '../members/node-report.ts'
import type { ClusterSettings } from '../settings.ts'
import type { ClusterView } from './etcd-side.ts'

const ASK_MS = 2000

export interface FirstStartOptions {
  readonly settings: ClusterSettings
  readonly register: Register
  readonly directory: Directory
  readonly logger: Logger
}

/** What a member of etcd without data has to know before it begins: asked of the other first nodes. */
export class FirstStart implements ClusterView {
  readonly #options: FirstStartOptions

  constructor(options: FirstStartOptions) {
    this.#options = options
  }

  async hasBegun(): Promise<boolean | undefined> {
    const { name, initialCluster } = this.#options.settings
    const others = initialCluster.filter((first) => first.name !== name)
    const begun = await Promise.all(others.map((first) => this.#hasBegun(first.name)))
    if (begun.includes(true)) return true
    return begun.includes(undefined) ? undefined : false
  }

  async isWanted(etcdPeerUrl: string): Promise<boolean> {
    const { register, settings } = this.#options
    const seen = await register.member(settings.name).read()
    return seen?.content.etcdPeerUrl === etcdPeerUrl
  }

  async #hasBegun(node: string): Promise<boolean | undefined> {
    const { directory, logger } = this.#options
    try {
      const answer = await directory.call(node, 'status', null, ASK_MS)
      return nodeReport.parse(answer).cluster !== null
    } catch (thrown) {
      logger.debug({ node, reason: messageOf(thrown) }, 'a first node is silent')
      return undefined
    }
  }
}
