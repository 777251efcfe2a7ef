import { type Config, formatAddress, isLoopback, type LoadedConfig } from '../config/index.ts'
import { formatBytes } from '../lib/index.ts'
import type { NodeParts } from './build.ts'

/** Says in the log what this node is going to do, before it does it. */
export async function announce(parts: NodeParts, { warnings }: LoadedConfig): Promise<void> {
  const { config, logger, dataDir, version, store } = parts
  const { serverId, serverUuid } = dataDir.identity
  logger.info(
    { version, node: config.name, dataDir: dataDir.path, serverId, serverUuid, pid: process.pid },
    'kingbus starts',
  )
  for (const warning of warnings) logger.warn({}, warning)
  const files = store.files()
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const end = store.visible.value
  logger.info(
    { files: files.length, bytes, file: end?.file, position: end?.position },
    files.length === 0 ? 'nothing is stored yet' : 'what is stored was checked and is served',
  )
  announceSource(parts)
  await announceRetention(parts)
}

/** Where replicas and people can reach the node, once they can. */
export function announceListeners(parts: NodeParts, admin: string): void {
  const { listening, logger, users } = parts
  const { address } = listening
  if (address === undefined) return
  const listen = formatAddress(address)
  logger.info({ listen, admin, users: users.count }, 'replicas can connect')
  if (!isLoopback(address)) return
  logger.info(
    { listen },
    'replicas on other machines cannot: serve.listen is a loopback address (0.0.0.0:3390 is all)',
  )
}

function announceSource({ config, logger }: NodeParts): void {
  const url = config['source.url']
  if (url === undefined) {
    logger.warn({}, 'no source is configured (--source): only what is stored already is served')
    return
  }
  const startAt = config['source.start-at'].toString()
  const source = formatAddress(url)
  logger.info({ source, user: url.user, tls: config['source.tls'], startAt }, 'follows the source')
}

async function announceRetention({ config, logger, disk, dataDir }: NodeParts): Promise<void> {
  const { totalBytes, freeBytes } = await disk.space(dataDir.path)
  const fields = { totalBytes, freeBytes }
  const limits = limitsOf(config)
  const space = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`
  logger.info(
    fields,
    limits === '' ? `retention is unlimited; the disk has ${space}` : `retention: ${limits}`,
  )
}

function limitsOf(config: Config): string {
  const size = config['retention.max-size']
  const age = config['retention.max-age']
  return [
    ...(size === undefined ? [] : [`at most ${formatBytes(size)}`]),
    ...(age === undefined ? [] : [`events up to ${age / 3_600_000} hours old`]),
  ].join(', ')
}
