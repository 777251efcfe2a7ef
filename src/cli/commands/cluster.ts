import type { Command } from 'commander'
import type { ClusterStatus } from '../../admin/index.ts'
import { ExitCode } from '../exit-codes.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import type { Outcome } from '../outcome.ts'
import { printFacts, printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { addCertsCommand } from './cluster-certs.ts'
import { addRecoverCommand } from './cluster-recover.ts'

const AFTER = `
A node that is alone is shown as a cluster of one. Ends with 0 when some node leads, and with 1 when none does.`

const HEAD = ['NODE', 'ROLE', 'EPOCH', 'END', 'SHOWS UP TO', 'REPLICAS CONNECT TO']

export function addClusterCommands(program: Command, terminal: Terminal, outcome: Outcome): void {
  const cluster = program.command('cluster').description('the cluster as one of its nodes sees it')
  withNodeOptions(cluster.command('status').description('who leads, and how far each node is'))
    .addHelpText('after', AFTER)
    .action(async (options: NodeOptions) => {
      const status = await (await nodeClient(options, terminal)).cluster()
      if (options.json === true) printJson(terminal, status)
      else show(status, terminal)
      if (status.leader === null) outcome.exitCode = ExitCode.NOT_WELL
    })
  addCertsCommand(cluster, terminal)
  addRecoverCommand(cluster, terminal)
}

function show({ name, leader, epoch, committed, nodes }: ClusterStatus, terminal: Terminal): void {
  printFacts(terminal, [
    ['answered by', name],
    ['leader', leader ?? 'none'],
    ['epoch', epoch],
    [
      'committed',
      committed === null ? 'nothing yet' : `${textOf(committed)} (${committed.sequence})`,
    ],
  ])
  terminal.out('\n')
  const rows = nodes.map((node) => [
    node.name,
    node.role,
    node.epoch,
    node.end,
    node.visibleEnd === null ? null : textOf(node.visibleEnd),
    node.address,
  ])
  printTable(terminal, HEAD, rows)
  const alarms = nodes.flatMap((node) => node.alarms)
  if (alarms.length === 0) return
  terminal.out('\n')
  printFacts(
    terminal,
    alarms.map(({ code, message }) => ['alarm', `${message} [${code}]`]),
  )
}

function textOf({ file, position }: { readonly file: string; readonly position: number }): string {
  return `${file}:${position}`
}
