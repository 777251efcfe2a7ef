import { join } from 'node:path'
import { type Command, Option } from 'commander'
import {
  addUser,
  RIGHTS,
  type Right,
  readSecretFile,
  readUsersFile,
  removeUser,
} from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { printTable } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

interface UserOptions extends SettingValues {
  readonly usersFile?: string
  readonly passwordFile?: string
  readonly right?: readonly Right[]
}

const AFTER = `
The file is --users-file, else serve.users-file of the configuration, else users.yaml in the data
directory. Only hashes of passwords are written. A running node notices the change by itself.`

export function addUserCommands(program: Command, terminal: Terminal): void {
  const user = program.command('user').description('the users file: who may connect as a replica')
  const add = user
    .command('add')
    .argument('<name>', 'name of the user, at most 32 characters')
    .description('add a user; asks for the password unless a file has it')
    .option('--password-file <file>', 'file with the password; only its owner may read it')
    .addOption(
      new Option('--right <right...>', 'what the user may do')
        .choices(RIGHTS)
        .default(['replicate'], 'replicate'),
    )
    .addHelpText('after', AFTER)
    .action(async (name: string, options: UserOptions) => {
      const path = await usersFile(options, terminal)
      const password = await newPassword(name, options, terminal)
      const rights = options.right ?? ['replicate']
      await addUser(terminal.disk, terminal.random, path, { name, password, rights })
      terminal.out(`added ${name} to ${path}\n`)
    })
  const remove = user
    .command('remove')
    .argument('<name>', 'name of the user')
    .description('remove a user; connections that are there stay')
    .action(async (name: string, options: UserOptions) => {
      const path = await usersFile(options, terminal)
      await removeUser(terminal.disk, path, name)
      terminal.out(`removed ${name} from ${path}\n`)
    })
  const list = user
    .command('list')
    .description('list the users and their rights')
    .action(async (options: UserOptions) => {
      const entries = await readUsersFile(terminal.disk, await usersFile(options, terminal))
      const rows = entries.map((entry) => [
        entry.name,
        entry.rights.join(', '),
        entry.password === undefined ? 'hash' : 'plain text',
      ])
      printTable(terminal, ['NAME', 'RIGHTS', 'PASSWORD'], rows)
    })
  for (const command of [add, remove, list]) {
    command.option('--users-file <file>', 'the users file')
    withSettingOptions(command, ['data-dir', 'serve.users-file'])
  }
}

async function usersFile(options: UserOptions, terminal: Terminal): Promise<string> {
  if (options.usersFile !== undefined) return options.usersFile
  const { config } = await settingsFrom(options, terminal)
  return config['serve.users-file'] ?? join(config['data-dir'], 'users.yaml')
}

async function newPassword(
  name: string,
  options: UserOptions,
  terminal: Terminal,
): Promise<string> {
  if (options.passwordFile !== undefined) {
    return await readSecretFile(terminal.disk, options.passwordFile, '--password-file')
  }
  const first = await terminal.askSecret(`password for ${name}: `)
  const again = await terminal.askSecret('once more: ')
  if (first === again) return first
  throw new OperationalError('E_CONFIG_INVALID', 'the two passwords differ; nothing was changed')
}
