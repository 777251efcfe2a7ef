import type { Command } from 'commander'
import type { SourceStatus } from '../../admin/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printFacts, printJson } from '../output.ts'
import { semiSyncText } from '../semi-sync-text.ts'
import type { Terminal } from '../terminal.ts'

export function addSourceCommands(program: Command, terminal: Terminal): void {
  const source = program.command('source').description('the link of a running node to its source')
  withNodeOptions(
    source.command('show').description('state, place and identity of the source'),
  ).action(async (options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).source(), options, terminal)
  })
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

function show(source: SourceStatus, options: NodeOptions, terminal: Terminal): void {
  if (options.json === true) return printJson(terminal, source)
  return printFacts(terminal, [
    ['address', source.address],
    ['user', source.user],
    ['tls', source.tls],
    ['state', source.state],
    ['since', source.since],
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
