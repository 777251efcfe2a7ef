import { formatAddress, isLoopback } from './address.ts'
import { checkCluster } from './cluster/check-cluster.ts'
import type { Config, Key } from './keys.ts'

/** What is wrong between settings that are each right alone. */
export function checkTogether(config: Config): string[] {
  return [
    ...pair(config, 'serve.cert-file', 'serve.key-file'),
    ...pair(config, 'admin.cert-file', 'admin.key-file'),
    ...pair(config, 'cluster.tls.cert-file', 'cluster.tls.key-file'),
    ...metadata(config),
    ...adminOffLoopback(config),
    ...checkCluster(config),
  ]
}

function pair(config: Config, left: Key, right: Key): string[] {
  const both = [left, right].filter((key) => config[key] !== undefined)
  return both.length === 1
    ? [`${left} and ${right} belong together, and only ${both[0]} is set`]
    : []
}

function metadata(config: Config): string[] {
  const keys: readonly Key[] = ['serve.metadata-user', 'serve.metadata-password-file']
  const set = keys.filter((key) => config[key] !== undefined)
  if (config['serve.metadata'] === 'off') {
    return set.map((key) => `${key} has no effect: set serve.metadata to pass-through, too`)
  }
  if (config['serve.metadata-user'] !== undefined) return []
  return ['serve.metadata: pass-through needs serve.metadata-user, a user at the source']
}

function adminOffLoopback(config: Config): string[] {
  const address = config['admin.listen']
  if (isLoopback(address)) return []
  const needed: readonly Key[] = ['admin.token-file', 'admin.cert-file', 'admin.key-file']
  const missing = needed.filter((key) => config[key] === undefined)
  if (missing.length === 0) return []
  return [
    `admin.listen ${formatAddress(address)} can be reached from other machines, which needs a token ` +
      `and TLS: set ${missing.join(', ')}, or listen on 127.0.0.1`,
  ]
}
