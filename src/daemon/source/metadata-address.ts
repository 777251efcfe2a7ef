import type { Desired } from '../../desired/index.ts'
import { picked, type Watched } from '../../lib/index.ts'
import { type Disk, dial } from '../../platform/index.ts'
import type { SourceAddress } from '../../source/index.ts'

export interface MetadataAccount {
  readonly user: string
  readonly password: string
}

/**
 * The source that is wanted, with the account for metadata in place of the one for replication: another object
 * whenever, and only when, it is another source.
 */
export function metadataAddress(
  desired: Watched<Desired>,
  { user, password }: MetadataAccount,
  disk: Disk,
): () => SourceAddress | undefined {
  const place = picked(desired, ({ source }) => {
    return (
      source && { host: source.host, port: source.port, tls: source.tls, caFile: source.caFile }
    )
  })
  const address = picked(place, (wish): SourceAddress | undefined => {
    if (wish === undefined) return undefined
    const { host, port, tls: mode, caFile } = wish
    const authorities = () => (caFile === undefined ? undefined : disk.readFile(caFile))
    return { dial, host, port, user, password: () => password, tls: { mode, authorities } }
  })
  return () => address.value
}
