import type { Command } from 'commander'
import type { RetentionStatus } from '../../admin/index.ts'
import type { Key } from '../../config/index.ts'
import { formatBytes, OperationalError } from '../../lib/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printFacts, printJson } from '../output.ts'
import { sectionText, sectionValue, withSectionOptions } from '../section-options.ts'
import type { SettingValues } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

type SetOptions = NodeOptions & SettingValues

const LIMITS = ['retention.max-size', 'retention.max-age', 'retention.ceiling'] as const
const KEEP = 'retention.keep-for-absent-replicas'
const KEYS = [...LIMITS, KEEP] as const satisfies readonly Key[]
const UNLIMITED = 'unlimited'

const AFTER_SET = `
What is not given stays as it is; "${UNLIMITED}" takes a limit away. Files that are over a new limit go at once.
The change holds after a restart and, in a cluster, on every node, whatever the configuration says.`

export function addRetentionCommands(program: Command, terminal: Terminal): void {
  const retention = program
    .command('retention')
    .description('which binlog files are removed by themselves')
  withNodeOptions(retention.command('show').description('the limits that hold')).action(
    async (options: NodeOptions) => {
      show(await (await nodeClient(options, terminal)).retention(), options, terminal)
    },
  )
  const set = retention.command('set').description('change the limits')
  withNodeOptions(withSectionOptions(set, KEYS))
    .addHelpText('after', AFTER_SET)
    .action(async (options: SetOptions) => {
      const maxSizeBytes = limitFrom(options, 'retention.max-size')
      const maxAgeMs = limitFrom(options, 'retention.max-age')
      const ceilingBytes = limitFrom(options, 'retention.ceiling')
      const keepForAbsentReplicasMs = sectionValue(options, KEEP)
      const change = { maxSizeBytes, maxAgeMs, ceilingBytes, keepForAbsentReplicasMs }
      if (Object.values(change).every((value) => value === undefined)) {
        const message = 'no limit is given: see kingbus retention set --help'
        throw new OperationalError('E_CONFIG_INVALID', message)
      }
      const client = await nodeClient(options, terminal)
      show(await client.setRetention(change), options, terminal)
    })
}

function limitFrom(options: SetOptions, key: (typeof LIMITS)[number]): number | null | undefined {
  return sectionText(options, key) === UNLIMITED ? null : sectionValue(options, key)
}

function show(retention: RetentionStatus, options: NodeOptions, terminal: Terminal): void {
  if (options.json === true) return printJson(terminal, retention)
  const { maxSizeBytes, maxAgeMs, keepForAbsentReplicasMs, ceilingBytes } = retention
  return printFacts(terminal, [
    ['size at most', maxSizeBytes === null ? UNLIMITED : formatBytes(maxSizeBytes)],
    ['age at most', maxAgeMs === null ? UNLIMITED : formatDuration(maxAgeMs)],
    ['kept for absent replicas', formatDuration(keepForAbsentReplicasMs)],
    ['ceiling', ceilingBytes === null ? 'what the disk has room for' : formatBytes(ceilingBytes)],
  ])
}

/** As it would be written in the configuration. */
function formatDuration(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const
  const [unit, factor] = units.find(([, factor]) => ms % factor === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}
