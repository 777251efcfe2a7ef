import type { Command } from 'commander'
import type { AdminClient, SourceStatus } from '../../admin/index.ts'
import { formatAddress, type Key } from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import type { Outcome } from '../outcome.ts'
import { printFacts, printJson } from '../output.ts'
import { sectionText, sectionValue, withSectionOptions } from '../section-options.ts'
import { semiSyncText } from '../semi-sync-text.ts'
import type { SettingValues } from '../setting-options.ts'
import { refusedPassword, sourcePassword } from '../source-password.ts'
import type { Terminal } from '../terminal.ts'
import { addSourceSwitchCommand } from './source-switch.ts'

type Change = Parameters<AdminClient['setSource']>[0]
type SetOptions = NodeOptions & SettingValues

const KEYS: readonly Key[] = [
  'source.url',
  'source.password-file',
  'source.tls',
  'source.ca-file',
  'source.start-at',
  'source.semi-sync',
  'source.server-id',
  'source.server-uuid',
]

const AFTER_SET = `
What is not given stays as it is; --ca-file '' goes back to the authorities that Node.js knows. The password is that of
--password-file, else of the variable KINGBUS_SOURCE_PASSWORD; another address or user needs it anew. A dump that runs
begins anew with the new settings; a source that is stopped stays so.
The change holds after a restart and, in a cluster, on every node, whatever the configuration says.`

export function addSourceCommands(program: Command, terminal: Terminal, outcome: Outcome): void {
  const source = program
    .command('source')
    .description('the link to the source; in a cluster, of the node that leads')
  withNodeOptions(
    source.command('show').description('state, place and identity of the source'),
  ).action(async (options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).source(), options, terminal)
  })
  const set = source.command('set').description('change which source is followed, and how')
  withNodeOptions(withSectionOptions(set, KEYS))
    .addOption(refusedPassword())
    .addHelpText('after', AFTER_SET)
    .action(async (options: SetOptions) => {
      const change = await changeFrom(options, terminal)
      show(await (await nodeClient(options, terminal)).setSource(change), options, terminal)
    })
  addSourceSwitchCommand(source, terminal, outcome)
  withNodeOptions(
    source.command('start').description('follow the source again, also after a failure'),
  ).action(async (options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).startSource(), options, terminal)
  })
  withNodeOptions(
    source.command('stop').description('stop following the source; serving goes on'),
  ).action(async (options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).stopSource(), options, terminal)
  })
}

async function changeFrom(values: SetOptions, terminal: Terminal): Promise<Change> {
  const url = sectionValue(values, 'source.url')
  const caFile = sectionValue(values, 'source.ca-file')
  // Read as a key, and sent as it was written.
  sectionValue(values, 'source.start-at')
  const change: Change = {
    address: url && formatAddress(url),
    user: url?.user,
    password: await sourcePassword(values, terminal),
    tls: sectionValue(values, 'source.tls'),
    caFile: caFile === '' ? null : caFile,
    startAt: sectionText(values, 'source.start-at'),
    semiSync: sectionValue(values, 'source.semi-sync'),
    replicaServerId: sectionValue(values, 'source.server-id'),
    replicaUuid: sectionValue(values, 'source.server-uuid'),
  }
  if (Object.values(change).some((value) => value !== undefined)) return change
  const message = 'nothing is given that is to be changed: see kingbus source set --help'
  throw new OperationalError('E_CONFIG_INVALID', message)
}

function show(source: SourceStatus, options: NodeOptions, terminal: Terminal): void {
  if (options.json === true) return printJson(terminal, source)
  return printFacts(terminal, [
    ['address', source.address],
    ['user', source.user],
    ['tls', source.tls],
    ['ca file', source.caFile],
    ['begins at', source.startAt],
    ['state', source.state],
    ['since', source.since],
    ['read by', source.leader],
    ['attempts', source.attempts],
    ['error', source.error === null ? null : `${source.error.message} [${source.error.code}]`],
    ['server uuid', source.serverUuid],
    ['server version', source.serverVersion],
    ['received up to', source.file === null ? null : `${source.file}:${source.position ?? ''}`],
    ['lag in seconds', source.lagSeconds],
    ['semi-sync', semiSyncText(source)],
    ['may purge to', source.safeToPurgeTo],
  ])
}
