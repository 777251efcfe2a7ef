import type { Command } from 'commander'
import { exampleFile, loadSecrets, settings } from '../../config/index.ts'
import { printTable } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

export function addConfigCommands(program: Command, terminal: Terminal): void {
  const config = program.command('config').description('settings, without a running node')
  const check = config
    .command('check')
    .description('read the settings as `start` would, and say what is wrong with them')
    .action(async (values: SettingValues) => {
      const loaded = await settingsFrom(values, terminal)
      await loadSecrets(terminal.disk, loaded, terminal.environment)
      for (const warning of loaded.warnings) terminal.error(`kingbus: ${warning}\n`)
      terminal.out('the settings are good\n')
    })
  withSettingOptions(check)
  const print = config
    .command('print')
    .description('every setting, its value and where that comes from; no secrets')
    .action(async (values: SettingValues) => {
      const { given } = await settingsFrom(values, terminal)
      const rows = settings(given).map(({ key, value, place }) => [key, value, place ?? 'default'])
      printTable(terminal, ['KEY', 'VALUE', 'FROM'], rows)
    })
  withSettingOptions(print)
  config
    .command('init')
    .description('print a file with every setting, commented out at its default')
    .action(() => terminal.out(exampleFile()))
}
