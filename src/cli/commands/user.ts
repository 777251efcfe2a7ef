import { join } from 'node:path'
import { type Command, Option } from 'commander'
import {
  type AdminClient,
  type NewUser,
  optionsOf,
  statusOfUser,
  type UserStatus,
} from '../../admin/index.ts'
import {
  addUser,
  describeOptions,
  PASSWORD_PLUGINS,
  type PasswordPlugin,
  RIGHTS,
  type Right,
  readSecretFile,
  readUsersFile,
  removeUser,
  TAGGED_GTIDS,
  type TaggedGtids,
  type UserEntry,
} from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

interface UserOptions extends SettingValues, NodeOptions {
  readonly usersFile?: string
  readonly passwordFile?: string
  readonly right?: Right[]
  readonly plugin?: PasswordPlugin
  readonly requireTls?: true
  readonly requireCertificate?: true
  readonly requireSubject?: string
  readonly requireIssuer?: string
  readonly taggedGtids?: TaggedGtids
}

const AFTER = `
With --admin, or KINGBUS_ADMIN and none of --users-file, --serve-users-file, --data-dir and --config, a running node
does it: in its users file or, in a cluster, on every node. Else the file is changed here: it is --users-file, else
serve.users-file of the configuration, else users.yaml in the data directory, and a node that runs with it notices the
change by itself. A cluster takes the file of its first node when it begins, and none afterwards.
Only hashes of passwords are kept.`

/** The flags that name a file, by what commander calls them. */
const OF_FILES = ['usersFile', 'serveUsersFile', 'dataDir', 'config']

export function addUserCommands(program: Command, terminal: Terminal): void {
  const user = program.command('user').description('who may connect as a replica')
  const add = withUserOptions(user.command('add'))
    .argument('<name>', 'name of the user, at most 32 characters')
    .description('add a user; asks for the password unless a file has it')
    .addHelpText('after', AFTER)
    .action(async (name: string, options: UserOptions) => {
      const place = await placeOf(options, terminal)
      const password = await newPassword(name, options, terminal)
      await addTo(place, newUser(name, password, options), terminal)
      terminal.out(`added ${name} to ${nameOf(place)}\n`)
    })
  const remove = user
    .command('remove')
    .argument('<name>', 'name of the user')
    .description('remove a user; connections that are there stay')
    .addHelpText('after', AFTER)
    .action(async (name: string, options: UserOptions) => {
      const place = await placeOf(options, terminal)
      if (typeof place !== 'string') await place.removeUser(name)
      else await removeUser(terminal.disk, place, name)
      terminal.out(`removed ${name} from ${nameOf(place)}\n`)
    })
  const list = user
    .command('list')
    .description('list the users and their rights')
    .addHelpText('after', AFTER)
    .action(async (options: UserOptions) => {
      const place = await placeOf(options, terminal)
      if (typeof place !== 'string') return show(await place.users(), options, terminal)
      return showFile(await readUsersFile(terminal.disk, place), options, terminal)
    })
  for (const command of [add, remove, list]) {
    command.option('--users-file <file>', 'the users file')
    withSettingOptions(command, ['data-dir', 'serve.users-file'])
    withNodeOptions(command, { json: command === list })
  }
}

function withUserOptions(command: Command): Command {
  return command
    .option('--password-file <file>', 'file with the password; only its owner may read it')
    .addOption(
      new Option('--right <right...>', 'what the user may do')
        .choices(RIGHTS)
        .default(['replicate'], 'replicate'),
    )
    .addOption(
      new Option('--plugin <name>', 'what to hash the password for; old clients know native only')
        .choices(PASSWORD_PLUGINS)
        .default(undefined, PASSWORD_PLUGINS[0]),
    )
    .option('--require-tls', 'refuse connections without TLS')
    .option(
      '--require-certificate',
      'refuse connections without a certificate signed by an authority of serve.client-ca-file',
    )
    .option('--require-subject <name>', 'the subject of that certificate, such as /CN=replica1')
    .option('--require-issuer <name>', 'its issuer')
    .addOption(
      new Option(
        '--tagged-gtids <how>',
        'hide them from clients that choke on them (never from MySQL servers)',
      )
        .choices(TAGGED_GTIDS)
        .default(undefined, TAGGED_GTIDS[0]),
    )
}

/** As the HTTP API takes it; what was not given is left out. */
function newUser(
  name: string,
  password: string,
  options: UserOptions,
): NewUser & { readonly password: string } {
  const { right, plugin, requireTls, requireCertificate, requireSubject, requireIssuer } = options
  return {
    name,
    password,
    rights: right ?? ['replicate'],
    plugin,
    requireTls,
    requireCertificate,
    requireSubject,
    requireIssuer,
    taggedGtids: options.taggedGtids,
  }
}

async function addTo(
  place: AdminClient | string,
  user: NewUser & { readonly password: string },
  terminal: Terminal,
): Promise<void> {
  if (typeof place !== 'string') await place.addUser(user)
  else await addUser(terminal.disk, terminal.random, place, { ...user, options: optionsOf(user) })
}

/** Where the users are: a running node, or the path of a users file. */
async function placeOf(options: UserOptions, terminal: Terminal): Promise<AdminClient | string> {
  const isOfFile = OF_FILES.some((name) => options[name] !== undefined)
  if (options.admin !== undefined && isOfFile) {
    const message = 'give either --admin, for the users of a running node, or where their file is'
    throw new OperationalError('E_CONFIG_INVALID', message)
  }
  const isOfNode = (options.admin ?? terminal.environment['KINGBUS_ADMIN']) !== undefined
  if (isOfNode && !isOfFile) return await nodeClient(options, terminal)
  return await usersFile(options, terminal)
}

function nameOf(place: AdminClient | string): string {
  return typeof place === 'string' ? place : `the users of the node at ${place.url}`
}

async function usersFile(options: UserOptions, terminal: Terminal): Promise<string> {
  if (options.usersFile !== undefined) return options.usersFile
  const { config } = await settingsFrom(options, terminal)
  if (config['cluster.peer-url'] !== undefined) {
    terminal.error(
      'note: a cluster that runs does not look at this file; --admin URL changes its users\n',
    )
  }
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

function show(users: readonly UserStatus[], options: UserOptions, terminal: Terminal): void {
  if (options.json === true) return printJson(terminal, users)
  const rows = users.map((user) => [
    user.name,
    user.rights.join(', '),
    describeOptions(optionsOf(user)),
  ])
  return printTable(terminal, ['NAME', 'RIGHTS', 'OPTIONS'], rows)
}

function showFile(entries: readonly UserEntry[], options: UserOptions, terminal: Terminal): void {
  if (options.json === true) return show(entries.map(statusOfUser), options, terminal)
  const rows = entries.map((entry) => [
    entry.name,
    entry.rights.join(', '),
    entry.password === undefined ? 'hash' : 'plain text',
    describeOptions(entry),
  ])
  return printTable(terminal, ['NAME', 'RIGHTS', 'PASSWORD', 'OPTIONS'], rows)
}
