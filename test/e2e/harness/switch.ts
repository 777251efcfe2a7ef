import { join } from 'node:path'
import type { Kingbus } from './kingbus.ts'
import { replicationPassword, replicationUser } from './sql-server.ts'

/** What the answer is made of is checked where the schema is. */
export interface Switched {
  readonly switched: boolean
  readonly refusal: { readonly code: string; readonly message: string } | null
  readonly semiSync: string | null
  readonly findings: readonly { readonly id: string }[]
  readonly lacking: string
  readonly serverUuid: string
  readonly isSameServer: boolean
  readonly begins: { readonly file: string; readonly isNew: boolean } | null
}

export async function switchTo(
  kingbus: Kingbus,
  { port }: { readonly port: number },
  dryRun = false,
): Promise<Switched> {
  const body = { address: `127.0.0.1:${port}`, password: replicationPassword, dryRun }
  // The route answers by its schema.
  return (await kingbus.request('POST', '/api/v1/source/switch', body)) as Switched
}

/** `kingbus source switch`. */
export async function switchByCommand(
  kingbus: Kingbus,
  { port }: { readonly port: number },
  ...more: readonly string[]
): Promise<{ code: number | null; out: string }> {
  const passwordFile = join(kingbus.folder, 'source-password')
  const url = `mysql://${replicationUser}@127.0.0.1:${port}`
  return await kingbus.run('source', 'switch', url, '--password-file', passwordFile, ...more)
}
