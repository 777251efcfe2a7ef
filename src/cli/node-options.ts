import type { Command } from 'commander'
import { AdminClient } from '../admin/index.ts'
import { readAdminToken } from '../config/index.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_ADMIN = 'http://127.0.0.1:9595'

export interface NodeOptions {
  readonly admin?: string
  readonly adminTokenFile?: string
  readonly json?: true
}

/** The flags of every command that asks a running node. */
export function withNodeOptions(command: Command, { json } = { json: true }): Command {
  command
    .option(
      '--admin <url>',
      `where the node's HTTP API is (or KINGBUS_ADMIN; default ${DEFAULT_ADMIN})`,
    )
    .option('--admin-token-file <file>', 'file with the token of the HTTP API')
  return json
    ? command.option(
        '--json',
        'JSON instead of a table; fields may be added, never change their meaning',
      )
    : command
}

export async function nodeClient(options: NodeOptions, terminal: Terminal): Promise<AdminClient> {
  const { disk, environment } = terminal
  const given = options.admin ?? environment['KINGBUS_ADMIN'] ?? DEFAULT_ADMIN
  const url = given.includes('://') ? given : `http://${given}`
  const file = options.adminTokenFile ?? environment['KINGBUS_ADMIN_TOKEN_FILE']
  return new AdminClient({ url, token: await readAdminToken(disk, file) })
}
