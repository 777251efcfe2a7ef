import type { Command } from 'commander'
import type { SwitchResult } from '../../admin/index.ts'
import { formatAddress, type Key } from '../../config/index.ts'
import { present } from '../../lib/index.ts'
import { ExitCode } from '../exit-codes.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import type { Outcome } from '../outcome.ts'
import { printFacts, printJson } from '../output.ts'
import { sectionValue, valueOf, withSectionOptions } from '../section-options.ts'
import type { SettingValues } from '../setting-options.ts'
import { refusedPassword, sourcePassword } from '../source-password.ts'
import type { Terminal } from '../terminal.ts'

type SwitchOptions = NodeOptions & SettingValues & { readonly dryRun?: true }

const KEYS: readonly Key[] = [
  'source.password-file',
  'source.tls',
  'source.ca-file',
  'source.semi-sync',
]

const AFTER = `
The server must have all transactions that are stored here. It is looked at while the old source is still followed; then
nothing more is received from that one, and the server has 10 seconds to get what it lacks, which a replica of Kingbus
does; then it becomes the source. Otherwise the old source is followed again, and the command says why.
--dry-run only looks, and ends with 1 where the server would be refused now.
URL, flags and password are as those of kingbus source set.`

export function addSourceSwitchCommand(
  source: Command,
  terminal: Terminal,
  outcome: Outcome,
): void {
  const command = source
    .command('switch')
    .description('go on with another source, if it has all that is stored here')
    .argument('<url>', 'mysql://USER@HOST[:PORT], never with a password in it')
  withNodeOptions(
    withSectionOptions(command, KEYS).option('--dry-run', 'only look whether it could be done'),
  )
    .addOption(refusedPassword())
    .addHelpText('after', AFTER)
    .action(async (text: string, options: SwitchOptions) => {
      const url = present(valueOf('source.url', text, 'URL'), 'a URL')
      const caFile = sectionValue(options, 'source.ca-file')
      const result = await (await nodeClient(options, terminal)).switchSource({
        address: formatAddress(url),
        user: url.user,
        password: await sourcePassword(options, terminal),
        tls: sectionValue(options, 'source.tls'),
        caFile: caFile === '' ? null : caFile,
        semiSync: sectionValue(options, 'source.semi-sync'),
        dryRun: options.dryRun === true,
      })
      if (options.json === true) printJson(terminal, result)
      else show(result, terminal)
      if (result.refusal !== null) outcome.exitCode = ExitCode.NOT_WELL
    })
}

function show(result: SwitchResult, terminal: Terminal): void {
  const { refusal, findings, begins } = result
  printFacts(terminal, [
    ['address', result.address],
    ['server version', result.serverVersion],
    ['server uuid', result.serverUuid],
    ['the server of before', yesNo(result.isSameServer)],
    ['gtid_mode', result.gtidMode],
    ['read-only', yesNo(result.readOnly)],
    ['semi-sync plugin', result.semiSync],
    ['gtid_executed', result.gtidExecuted],
    ['lacks of ours', result.lacking],
    ['has besides ours', result.ahead],
    ['has purged of that', result.missing],
    ['goes on in', begins && placeText(begins)],
    ...findings.map(({ severity, found, remedy }) => [severity, `${found}; ${remedy}`] as const),
    ['result', refusal === null ? doneText(result) : `${refusal.message} [${refusal.code}]`],
  ])
}

function yesNo(is: boolean | null): string | null {
  const answer = is === true ? 'yes' : 'no'
  return is === null ? null : answer
}

function placeText({ file, sourceFile, isNew }: NonNullable<SwitchResult['begins']>): string {
  return `${isNew ? 'a new file, ' : ''}${file}, from its ${sourceFile}`
}

function doneText({ dryRun }: SwitchResult): string {
  return dryRun ? 'it could be the source' : 'it is the source'
}
