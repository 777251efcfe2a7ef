import { type Logger, silentLogger } from '../../../lib/index.ts'
import { systemClock, systemRandom } from '../../../platform/index.ts'
import { Authority } from '../../authority.ts'
import { ClusterSecret } from '../../cluster-secret.ts'
import {
  dialPeer,
  type LinkHandlers,
  type LinkLimits,
  LinkListener,
  type LinkOptions,
  type PeerLink,
} from '../index.ts'

const SECRET = await ClusterSecret.from('the secret of these tests')
const AUTHORITY = await Authority.from(SECRET)

/** What a node called so gives to its links. */
export function optionsOf(
  node: string,
  { limits = {}, logger = silentLogger }: { limits?: Partial<LinkLimits>; logger?: Logger } = {},
): LinkOptions {
  return {
    self: { node, cluster: () => 'cluster-1' },
    secret: SECRET,
    authority: AUTHORITY,
    clock: systemClock,
    random: systemRandom,
    logger,
    limits,
  }
}

export type Scheme = 'http' | 'https'

const CALLS_NOT: LinkHandlers['call'] = () => Promise.reject(new Error('nobody should call'))

/** A listener at a free port of loopback, and its URL. */
export async function listenAs(
  options: LinkOptions,
  handlers: Partial<LinkHandlers>,
  scheme: Scheme,
): Promise<{ readonly listener: LinkListener; readonly url: URL }> {
  const all = { follow: () => {}, call: CALLS_NOT, ...handlers }
  const listener = new LinkListener(options, all)
  const port = await listener.open(new URL(`${scheme}://127.0.0.1:0`))
  return { listener, url: new URL(`${scheme}://127.0.0.1:${port}`) }
}

export interface Pair {
  readonly dialled: PeerLink
  readonly accepted: PeerLink
  readonly close: () => Promise<void>
}

/** Both ends of one link between `one`, which dials, and `two`. */
export async function linkPair(
  scheme: Scheme,
  options: { one?: Partial<LinkLimits>; two?: Partial<LinkLimits> } = {},
): Promise<Pair> {
  let follow!: (link: PeerLink) => void
  const accepting = new Promise<PeerLink>((resolve) => {
    follow = resolve
  })
  const two = optionsOf('two', { limits: options.two ?? {} })
  const { listener, url } = await listenAs(two, { follow }, scheme)
  const one = optionsOf('one', { limits: options.one ?? {} })
  const dialled = await dialPeer(url, one, new AbortController().signal)
  const accepted = await accepting
  const close = async (): Promise<void> => {
    dialled.close()
    await listener.close()
  }
  return { dialled, accepted, close }
}
