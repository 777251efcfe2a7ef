import type { Command } from 'commander'
import { CHECKS, type DoctorFinding, runDoctor } from '../../doctor/index.ts'
import { systemClock, systemMachine } from '../../platform/index.ts'
import { ExitCode } from '../exit-codes.ts'
import type { Outcome } from '../outcome.ts'
import { printJson, printTable } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Takes what \`kingbus start\` takes, before the first start or beside a running node, and changes nothing: a file
of 16 MiB that is written in the data directory to measure the disk is removed again. Ends with 0 when Kingbus
can run (ok, note, warning), and with 1 when a problem would stop it. Every check: docs/reference/doctor.md.`

export function addDoctorCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  const command = program
    .command('doctor')
    .description('look at the source and this machine, and say what is wrong and what to do')
    .option('--json', 'JSON instead of a table; fields may be added, never change their meaning')
    .addHelpText('after', AFTER)
    .action(async (values: SettingValues) => {
      const { environment, disk, random } = terminal
      const loaded = await settingsFrom(values, terminal)
      const found = await runDoctor({
        loaded,
        environment,
        disk,
        random,
        clock: systemClock,
        machine: systemMachine,
      })
      const well = found.every(({ severity }) => severity !== 'problem')
      if (values['json'] === true) {
        printJson(terminal, {
          well,
          findings: found.map((one) => ({ ...one, why: CHECKS[one.id] })),
        })
      } else {
        print(terminal, found)
      }
      if (!well) outcome.exitCode = ExitCode.NOT_WELL
    })
  withSettingOptions(command)
}

function print(terminal: Terminal, found: readonly DoctorFinding[]): void {
  const rows = found.map((one) => [one.severity, one.id, cellOf(one)])
  printTable(terminal, ['', 'CHECK', 'FOUND'], rows)
  terminal.out(`\n${summary(found)}\n`)
}

function cellOf({ severity, id, found, remedy }: DoctorFinding): string {
  return severity === 'ok' ? found : `${found}\n  why: ${CHECKS[id]}\n  do:  ${remedy}`
}

function summary(found: readonly DoctorFinding[]): string {
  const count = (wanted: string): number =>
    found.filter(({ severity }) => severity === wanted).length
  const problems = count('problem')
  const verdict = problems === 0 ? 'kingbus can run' : 'kingbus cannot run so'
  return `${verdict}: ${problems} problems, ${count('warning')} warnings, ${count('note')} notes`
}
