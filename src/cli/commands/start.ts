import type { Command } from 'commander'
import { loadSecrets } from '../../config/index.ts'
import { runDaemon } from '../../daemon/index.ts'
import type { Outcome } from '../outcome.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Every flag is also a variable and a key of the file: --source-start-at is KINGBUS_SOURCE_START_AT and
source.start-at. Flag beats variable beats file. The password for the source comes from
--source-password-file or KINGBUS_SOURCE_PASSWORD, never from a flag or the URL.`

export function addStartCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  const command = program
    .command('start')
    .description('run a node until it gets SIGTERM or SIGINT')
    .addHelpText('after', AFTER)
    .action(async (values: SettingValues) => {
      const loaded = await settingsFrom(values, terminal)
      const secrets = await loadSecrets(terminal.disk, loaded, terminal.environment)
      outcome.exitCode = await runDaemon({ loaded, secrets, disk: terminal.disk })
    })
  withSettingOptions(command)
}
