import type { Command } from 'commander'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const HEAD = [
  'ID',
  'USER',
  'ADDRESS',
  'SERVER ID',
  'UUID',
  'FILE',
  'POSITION',
  'STATE',
  'BYTES BEHIND',
]

export function addReplicasCommand(program: Command, terminal: Terminal): void {
  withNodeOptions(
    program.command('replicas').description('who reads from a running node, and how far'),
  ).action(async (options: NodeOptions) => {
    const replicas = await (await nodeClient(options, terminal)).replicas()
    if (options.json === true) return printJson(terminal, replicas)
    const rows = replicas.map((replica) => [
      replica.id,
      replica.user,
      replica.address,
      replica.serverId,
      replica.uuid,
      replica.file,
      replica.position,
      replica.state,
      replica.lagBytes,
    ])
    return printTable(terminal, HEAD, rows)
  })
}
