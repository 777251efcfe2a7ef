import type { Command } from 'commander'
import type { PurgeResult } from '../../admin/index.ts'
import { durationFrom } from '../../config/index.ts'
import { formatBytes, OperationalError } from '../../lib/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface PurgeOptions extends NodeOptions {
  readonly to?: string
  readonly before?: string
  readonly force?: true
  readonly dryRun?: true
}

const BEFORE =
  'those whose events are all older: 2026-11-29T20:00:00Z, "2026-11-29 20:00:00" (UTC), or an age ' +
  'such as 7d'
const AFTER = `
Removes whole files, oldest first, on every node of a cluster; any node can be asked. The newest file stays. When a
replica that is connected anywhere reads one of them, or one that is away still needs it, nothing is removed and the
command says which; --force overrules replicas that are away, and they cannot go on where they were. --dry-run shows
all that.`

export function addPurgeCommand(program: Command, terminal: Terminal): void {
  withNodeOptions(
    program
      .command('purge')
      .description('remove the oldest binlog files')
      .option('--to <file>', 'those before this file')
      .option('--before <time>', BEFORE)
      .option('--force', 'also what replicas need that are away')
      .option('--dry-run', 'only say what would be removed, and who keeps the rest'),
  )
    .addHelpText('after', AFTER)
    .action(async (options: PurgeOptions) => {
      const { to, before, force = false, dryRun = false } = options
      if ((to === undefined) === (before === undefined)) {
        throw new OperationalError('E_CONFIG_INVALID', 'give either --to FILE or --before TIME')
      }
      const which = before === undefined ? { to } : { before: momentOf(before, terminal) }
      const result = await (await nodeClient(options, terminal)).purge({ ...which, force, dryRun })
      if (options.json === true) printJson(terminal, result)
      else show(result, terminal)
    })
}

/** ISO 8601 with a time zone. */
function momentOf(text: string, { clock }: Terminal): string {
  const ageMs = durationFrom(text)
  const hasZone = /(?:z|[+-]\d{2}:?\d{2})$/i.test(text)
  const plain = text.trim().replace(' ', 'T')
  const time = plain.includes('T') ? plain : `${plain}T00:00:00`
  const ms = ageMs === undefined ? Date.parse(hasZone ? plain : `${time}Z`) : clock.nowMs() - ageMs
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  const message =
    `--before: ${JSON.stringify(text)} is neither a time such as 2026-11-29T20:00:00Z ` +
    'nor an age such as 7d'
  throw new OperationalError('E_CONFIG_INVALID', message)
}

function show(result: PurgeResult, terminal: Terminal): void {
  const { dryRun, files, bytes, asked, obstacles, loses } = result
  const verb = dryRun ? 'would be removed' : 'removed'
  if (files.length > 0) {
    printTable(
      terminal,
      [dryRun ? 'WOULD GO' : 'REMOVED', 'BYTES'],
      files.map(({ name, size }) => [name, size]),
    )
  }
  terminal.out(`${files.length} of ${asked} files, ${formatBytes(bytes)}, ${verb}\n`)
  for (const { message } of obstacles) terminal.out(`${message}\n`)
  for (const { uuid, host, needs } of loses) {
    terminal.out(
      `replica ${uuid} (${host}) ${dryRun ? 'would lose' : 'has lost'} its place in ${needs}\n`,
    )
  }
}
