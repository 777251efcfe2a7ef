import { decodeCheckedJson, messageOf } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import type { Damage } from '../damage.ts'

/** Those that a node reads at its start, beside `identity.json`; each with what comes of it when it is not whole. */
const FILES = {
  'desired.json': 'restore it from a copy, or remove it to go on with what the configuration says',
  'replicas.json':
    'retention removes nothing until it is removed, after which nothing is kept for replicas that are away',
  'cluster.json': 'let the node join anew with an empty data directory',
  'cluster-store.json': 'remove it, and the node joins as another',
  'binlogs/log.json': 'let the node join anew with an empty data directory',
  'binlogs/origin.json': 'it is a copy, and is written anew with the next file',
  'etcd-member/joined.json': 'the next start writes it anew',
  'etcd-member/config.json': 'the next start writes it anew',
} as const

/** Compares the small files of a data directory with their checks. */
export async function verifySmallFiles(disk: Disk, dataDir: string): Promise<Damage[]> {
  const damages: Damage[] = []
  for (const [file, remedy] of Object.entries(FILES)) {
    const path = `${dataDir}/${file}`
    if (!(await disk.exists(path))) continue
    const bytes = await disk.readFile(path)
    try {
      decodeCheckedJson(bytes.toString('utf8'))
    } catch (thrown) {
      const what = `${messageOf(thrown)}; ${remedy}`
      damages.push({ file, position: 0, end: bytes.length, what, transaction: undefined })
    }
  }
  return damages
}
