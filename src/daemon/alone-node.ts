import type { AloneNode } from '../admin/index.ts'
import { formatAddress } from '../config/index.ts'
import type { NodeParts } from './build.ts'

const ID_DIGITS = 16

/** A node that is part of no cluster, as the API shows it. */
export function aloneNodeOf({ config, dataDir, listening, store }: NodeParts): AloneNode {
  const { host, port } = config['admin.listen']
  const scheme = config['admin.cert-file'] === undefined ? 'http' : 'https'
  const { address } = listening
  return {
    id: dataDir.identity.serverUuid.replaceAll('-', '').slice(0, ID_DIGITS),
    name: config.name,
    // Port 0 became another, which only whoever asks knows.
    adminUrl: port === 0 ? null : `${scheme}://${formatAddress({ host, port })}`,
    address: address === undefined ? null : formatAddress(address),
    visible: store.visible.value,
  }
}
