import type { SourceWish } from '../admin/index.ts'
import { formatAddress } from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { NodeParts } from './build.ts'

/**
 * The source is the one that the node was started with.
 * @throws OperationalError E_SOURCE_SETTINGS_FIXED, which names the settings that differ, and no password
 */
export function refuseOtherSource(
  { config, secrets, dataDir }: Pick<NodeParts, 'config' | 'secrets' | 'dataDir'>,
  wish: SourceWish,
): void {
  const url = config['source.url']
  if (url === undefined) return
  const { sourceReplicaServerId, sourceReplicaUuid } = dataDir.identity
  const running: readonly (readonly [name: string, now: string, wished: string])[] = [
    ['source.url', formatAddress(url), formatAddress(wish.address)],
    ['the user of source.url', url.user, wish.user],
    ['source.server-id', `${sourceReplicaServerId}`, `${wish.serverId}`],
    ['source.server-uuid', sourceReplicaUuid, wish.uuid],
    ['source.semi-sync', `${config['source.semi-sync']}`, `${wish.semiSync}`],
  ]
  const others = running
    .filter(([, now, wished]) => now !== wished)
    .map(([name, now, wished]) => `${name} is ${now}, not ${wished}`)
  if (wish.password !== secrets.sourcePassword) others.push('the password is another')
  if (others.length === 0) return
  throw new OperationalError(
    'E_SOURCE_SETTINGS_FIXED',
    `a running node cannot follow another source: ${others.join('; ')}. Restart it with other settings`,
  )
}
