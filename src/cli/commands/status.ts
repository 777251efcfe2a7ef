import type { Command } from 'commander'
import type { Status } from '../../admin/index.ts'
import { formatBytes } from '../../lib/index.ts'
import { ExitCode } from '../exit-codes.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import type { Outcome } from '../outcome.ts'
import { type Cell, printFacts, printJson } from '../output.ts'
import { semiSyncText } from '../semi-sync-text.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Ends with 0 when all is well, and with 1 when the source needs the operator (state failed), something keeps the node
from taking part in its cluster, or the check of its files has an alarm.`

export function addStatusCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  withNodeOptions(program.command('status').description('what a running node does and holds'))
    .addHelpText('after', AFTER)
    .action(async (options: NodeOptions) => {
      const status = await (await nodeClient(options, terminal)).status()
      if (options.json === true) printJson(terminal, status)
      else printFacts(terminal, factsOf(status))
      if (status.source.state === 'failed' || hasTrouble(status)) {
        outcome.exitCode = ExitCode.NOT_WELL
      }
    })
}

function hasTrouble({ cluster }: Status): boolean {
  return cluster !== null && (cluster.trouble !== null || cluster.alarms.length > 0)
}

function sourceText({ address, state, leader }: Status['source']): string {
  if (address === null) return 'none'
  if (state !== 'follower') return `${address}, ${state}`
  return `${address}, ${leader === null ? 'and no node leads' : `read by ${leader}`}`
}

function clusterFacts({ cluster }: Status): (readonly [string, Cell])[] {
  if (cluster === null) return []
  const { role, leader, epoch, trouble, alarms } = cluster
  return [
    ['cluster', `${role}; ${leader === null ? 'no node' : leader} leads, epoch ${epoch}`],
    ...[...(trouble === null ? [] : [trouble]), ...alarms].map(
      ({ code, message }) => ['', `${message} [${code}]`] as const,
    ),
  ]
}

function factsOf(status: Status): (readonly [string, Cell])[] {
  const { source, visibleEnd, replicas } = status
  const facts: (readonly [string, Cell])[] = [
    ['node', `${status.name} (kingbus ${status.version}, server_id ${status.serverId})`],
    ['replicas connect to', status.listen],
    ...clusterFacts(status),
    ['source', sourceText(source)],
  ]
  if (source.error !== null) facts.push(['', `${source.error.message} [${source.error.code}]`])
  return [
    ...facts,
    ['lag', source.lagSeconds === null ? 'unknown' : `${source.lagSeconds} s`],
    [
      'visible end',
      visibleEnd === null ? 'nothing yet' : `${visibleEnd.file}:${visibleEnd.position}`,
    ],
    ['binlogs', `${status.files} files, ${formatBytes(status.bytes)}`],
    [
      'disk',
      `${formatBytes(status.disk.freeBytes)} free of ${formatBytes(status.disk.totalBytes)}`,
    ],
    ['semi-sync', semiSyncText(source)],
    ['source may purge to', source.safeToPurgeTo],
    ['replicas', replicas.length],
    ['gtid executed', status.gtidExecuted],
    ['gtid purged', status.gtidPurged],
  ]
}
