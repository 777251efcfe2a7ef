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
Ends with 0 when all is well, and with 1 when the source needs the operator (state failed), the disk does (failed or
read-only), something keeps the node from taking part in its cluster, a file of it is damaged, or a replica that is away
was given up (what it needs was removed; kingbus replicas forget ends that).`

export function addStatusCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  withNodeOptions(program.command('status').description('what a running node does and holds'))
    .addHelpText('after', AFTER)
    .action(async (options: NodeOptions) => {
      const status = await (await nodeClient(options, terminal)).status()
      if (options.json === true) printJson(terminal, status)
      else printFacts(terminal, factsOf(status))
      const lost = status.retention?.givenUp.length ?? 0
      if (status.source.state === 'failed' || hasTrouble(status) || lost > 0) {
        outcome.exitCode = ExitCode.NOT_WELL
      }
    })
}

function hasTrouble({ cluster, alarms, disk }: Status): boolean {
  if (disk.state === 'failed' || disk.state === 'read-only') return true
  return (cluster !== null && cluster.trouble !== null) || alarms.length > 0
}

function sourceText({ address, state, leader }: Status['source']): string {
  if (address === null) return 'none'
  if (state !== 'follower') return `${address}, ${state}`
  return `${address}, ${leader === null ? 'and no node leads' : `read by ${leader}`}`
}

function clusterFacts({ cluster }: Status): (readonly [string, Cell])[] {
  if (cluster === null) return []
  const { role, leader, epoch, trouble } = cluster
  return [
    ['cluster', `${role}; ${leader === null ? 'no node' : leader} leads, epoch ${epoch}`],
    ...(trouble === null ? [] : [['', textOf(trouble)] as const]),
  ]
}

function textOf({ code, message }: { readonly code: string; readonly message: string }): string {
  return `${message} [${code}]`
}

const SPANS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const

/** `3.0 d`, `12 s` */
function spanText(seconds: number): string {
  for (const [unit, size] of SPANS) {
    if (seconds >= size) return `${(seconds / size).toFixed(1)} ${unit}`
  }
  return `${seconds} s`
}

function scrubText({ rate, roundSeconds, checking }: Status['scrub']): string {
  if (rate === null || roundSeconds === null) return 'off (scrub.rate)'
  const now = checking === null ? '' : `; now ${checking}`
  return `${formatBytes(rate)} a second, a round takes ${spanText(roundSeconds)}${now}`
}

function diskFacts({ disk }: Status): (readonly [string, Cell])[] {
  const { state, error, freeBytes, totalBytes, unsyncedBytes, lastSyncMs } = disk
  const free = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}`
  const last = lastSyncMs === null ? '' : `; the last fdatasync took ${lastSyncMs.toFixed(1)} ms`
  return [
    ['disk', state === 'ok' ? free : `${state}; ${free}`],
    ...(error === null ? [] : [['', textOf(error)] as const]),
    ['not durable yet', `${formatBytes(unsyncedBytes)}${last}`],
  ]
}

function absentFacts({ retention }: Status): (readonly [string, Cell])[] {
  if (retention === null) return []
  const { absent, keptBytes, givenUp } = retention
  const kept = keptBytes === 0 ? '' : `; ${formatBytes(keptBytes)} over the limits kept for them`
  return [
    ...(absent === 0 ? [] : [['replicas away', `${absent}${kept}`] as const]),
    ...givenUp.map(
      ({ uuid, host, needs }) => ['given up', `${uuid} (${host}), which needs ${needs}`] as const,
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
  if (source.error !== null) facts.push(['', textOf(source.error)])
  return [
    ...facts,
    ['lag', source.lagSeconds === null ? 'unknown' : `${source.lagSeconds} s`],
    [
      'visible end',
      visibleEnd === null ? 'nothing yet' : `${visibleEnd.file}:${visibleEnd.position}`,
    ],
    ['binlogs', `${status.files} files, ${formatBytes(status.bytes)}`],
    ...status.alarms.map((alarm) => ['', textOf(alarm)] as const),
    ['checked in the background', scrubText(status.scrub)],
    ...diskFacts(status),
    ['semi-sync', semiSyncText(source)],
    ['source may purge to', source.safeToPurgeTo],
    ['replicas', replicas.length],
    ...absentFacts(status),
    ['gtid executed', status.gtidExecuted],
    ['gtid purged', status.gtidPurged],
  ]
}
