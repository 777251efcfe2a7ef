import { formatAddress, isLoopback, type Key, type LoadedConfig } from '../config/index.ts'
import { type Desired, differences } from '../desired/index.ts'
import { openFilesFinding } from '../doctor/index.ts'
import { formatBytes, waitUntil } from '../lib/index.ts'
import type { NodeParts } from './build.ts'
import { desiredFile } from './engine.ts'

/** Says in the log what this node is going to do, before it does it. */
export function announce(parts: NodeParts, { warnings }: LoadedConfig): void {
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
}

/** Says what the process may run out of before its own limits are reached. */
export async function announceLimits({ disk, logger }: NodeParts): Promise<void> {
  const { severity, found, remedy } = await openFilesFinding(disk)
  if (severity === 'warning') logger.warn({}, `${found}: ${remedy}`)
}

/** The same of what is wanted, once that is known: in a cluster, when etcd has told it. */
export async function announceWishes(
  parts: NodeParts,
  given: LoadedConfig['given'],
  signal: AbortSignal,
): Promise<void> {
  const { cluster } = parts
  if (cluster !== undefined) {
    await waitUntil(cluster.wishes.desired.isKnown, (isKnown) => isKnown, signal)
    if (signal.aborted) return
  }
  announceDifferences(parts, given)
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

/** What a command has set holds, whatever the configuration says; it might be an old one. */
function announceDifferences(parts: NodeParts, given: LoadedConfig['given']): void {
  const { configured, desired, logger } = parts
  for (const { key, place, ...values } of differences(configured, desired.value.value, given)) {
    logger.warn({ key, place, ...values }, `${key} holds as ${remedyOf(parts, key)}`)
  }
}

function remedyOf({ cluster, dataDir }: NodeParts, key: Key): string {
  if (cluster === undefined) {
    return (
      'it was set by a command, not as it is configured: write what holds into the configuration, ' +
      `or stop Kingbus and remove ${desiredFile(dataDir.path)} to go back to the configuration`
    )
  }
  const command = key.startsWith('retention.') ? 'kingbus retention set' : 'kingbus source set'
  return (
    'the cluster has it, not as this node is configured: write what holds into the configuration, ' +
    `or change it on all nodes by ${command}`
  )
}

function announceSource({ desired, logger, cluster }: NodeParts): void {
  const { source, isSourceRunning } = desired.value.value
  if (source === undefined) {
    logger.warn({}, 'no source is configured (--source): only what is stored already is served')
    return
  }
  const { user, tls, startAt } = source
  const fields = { source: formatAddress(source), user, tls, startAt }
  const who = cluster === undefined ? 'follows the source' : 'the node that leads reads the source'
  if (isSourceRunning) logger.info(fields, who)
  else logger.warn(fields, 'the source was stopped by a command: kingbus source start follows it')
}

async function announceRetention({ desired, logger, disk, dataDir }: NodeParts): Promise<void> {
  const { totalBytes, freeBytes } = await disk.space(dataDir.path)
  const fields = { totalBytes, freeBytes }
  const limits = limitsOf(desired.value.value)
  const space = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`
  logger.info(
    fields,
    limits === '' ? `retention is unlimited; the disk has ${space}` : `retention: ${limits}`,
  )
}

function limitsOf({ retention: { maxSizeBytes, maxAgeMs, ceilingBytes } }: Desired): string {
  const ceiling = ceilingBytes === undefined ? '' : formatBytes(ceilingBytes)
  return [
    ...(maxSizeBytes === undefined ? [] : [`at most ${formatBytes(maxSizeBytes)}`]),
    ...(maxAgeMs === undefined ? [] : [`events up to ${maxAgeMs / 3_600_000} hours old`]),
    ...(ceiling === '' ? [] : [`never more than ${ceiling}, whichever replica needs it`]),
  ].join(', ')
}
