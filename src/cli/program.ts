import { Command } from 'commander'
import { VERSION } from '../daemon/index.ts'
import { addClusterCommands } from './commands/cluster.ts'
import { addConfigCommands } from './commands/config.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addFilesCommand } from './commands/files.ts'
import { addImportCommand } from './commands/import.ts'
import { addInspectCommand } from './commands/inspect.ts'
import { addMembersCommands } from './commands/members.ts'
import { addPurgeCommand } from './commands/purge.ts'
import { addRepairCommand } from './commands/repair.ts'
import { addReplicasCommands } from './commands/replicas.ts'
import { addRetentionCommands } from './commands/retention.ts'
import { addSourceCommands } from './commands/source.ts'
import { addStartCommand } from './commands/start.ts'
import { addStatusCommand } from './commands/status.ts'
import { addUserCommands } from './commands/user.ts'
import { addVerifyCommand } from './commands/verify.ts'
import type { Outcome } from './outcome.ts'
import type { Terminal } from './terminal.ts'

const AFTER = `
Examples:
  kingbus doctor --source mysql://repl@db1:3306 --source-password-file pw
  kingbus user add repl --data-dir /var/lib/kingbus
  kingbus start --data-dir /var/lib/kingbus --source mysql://repl@db1:3306 --source-password-file pw
  kingbus status

Documentation: docs/README.md. Exit codes: docs/reference/errors.md.`

export function buildProgram(terminal: Terminal, outcome: Outcome): Command {
  const program = new Command('kingbus')
  // Before any subcommand is added: they inherit it, and would end the process otherwise.
  program
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .description(
      'A binlog server for MySQL: a replica towards one source, a source towards replicas.',
    )
    .version(VERSION)
    .addHelpText('after', AFTER)
  addStartCommand(program, terminal, outcome)
  addDoctorCommand(program, terminal, outcome)
  addStatusCommand(program, terminal, outcome)
  addFilesCommand(program, terminal)
  addReplicasCommands(program, terminal)
  addSourceCommands(program, terminal, outcome)
  addRetentionCommands(program, terminal)
  addPurgeCommand(program, terminal)
  addClusterCommands(program, terminal, outcome)
  addMembersCommands(program, terminal)
  addImportCommand(program, terminal)
  addInspectCommand(program, terminal, outcome)
  addVerifyCommand(program, terminal, outcome)
  addRepairCommand(program, terminal, outcome)
  addUserCommands(program, terminal)
  addConfigCommands(program, terminal)
  return program
}
