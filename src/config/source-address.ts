import { type Disk, dial } from '../platform/index.ts'
import type { Config } from './keys.ts'
import type { Secrets } from './secrets.ts'

/** Where the source is and how to log in there, as the settings say; undefined where none is configured. */
export function sourceAddress(config: Config, secrets: Secrets, disk: Disk) {
  const url = config['source.url']
  if (url === undefined) return undefined
  const caFile = config['source.ca-file']
  return {
    dial,
    host: url.host,
    port: url.port,
    user: url.user,
    password: () => secrets.sourcePassword,
    tls: {
      mode: config['source.tls'],
      authorities: () => (caFile === undefined ? undefined : disk.readFile(caFile)),
    },
  }
}
