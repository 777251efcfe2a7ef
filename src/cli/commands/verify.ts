import type { Command } from 'commander'
import {
  damageJson,
  damageText,
  type VerifiedFile,
  type VerifyReport,
  verifyDataDir,
} from '../../inspect/index.ts'
import { formatBytes } from '../../lib/index.ts'
import { ExitCode } from '../exit-codes.ts'
import type { Outcome } from '../outcome.ts'
import { oneLine, printJson, printTable } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Reads every byte and changes nothing: checksums of events, bounds of transactions, each index against its file,
and what the files say of each other. Beside a running node it looks as far as the last file is durable.
Ends with 0 when nothing is damaged (what the next start mends by itself is told), with 1 when something is.
Progress goes to standard error.`

export function addVerifyCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  program
    .command('verify')
    .description('whether the binlogs and indexes of a data directory are whole')
    .argument('<data-dir>', 'the data directory')
    .option('--from <file>', 'begin with this binlog file instead of the oldest')
    .option('--json', 'JSON instead of a table; fields may be added, never change their meaning')
    .addHelpText('after', AFTER)
    .action(async (dataDir: string, flags: { readonly from?: string; readonly json?: true }) => {
      const progress = new Progress(terminal)
      const { disk, clock } = terminal
      const report = await verifyDataDir({
        disk,
        clock,
        dataDir,
        from: flags.from,
        progress: (file, done, total) => progress.tell(file, done, total),
      }).finally(() => progress.end())
      const damages = damageCount(report)
      if (flags.json === true) printJson(terminal, jsonOf(report, damages))
      else printReport(terminal, report, damages)
      if (damages > 0) outcome.exitCode = ExitCode.NOT_WELL
    })
}

function damageCount({ files, damages }: VerifyReport): number {
  return files.reduce((sum, file) => sum + file.damageCount, damages.length)
}

function jsonOf(report: VerifyReport, damages: number): unknown {
  return {
    mode: report.mode,
    damageCount: damages,
    files: report.files.map((file) => {
      const { name, size, verifiedTo, events, transactions, index, damageCount: count } = file
      return { name, size, verifiedTo, events, transactions, index, damageCount: count }
    }),
    damages: allDamages(report).map(damageJson),
    notices: allNotices(report),
  }
}

function allDamages({ files, damages }: VerifyReport) {
  return [...files.flatMap((file) => file.damages), ...damages]
}

function allNotices({ files, notices }: VerifyReport): string[] {
  return [...files.flatMap((file) => file.notices), ...notices]
}

function printReport(terminal: Terminal, report: VerifyReport, damages: number): void {
  const { files, mode } = report
  if (files.length > 0) {
    const head = ['FILE', 'BYTES', 'VERIFIED TO', 'EVENTS', 'TRANSACTIONS', 'INDEX', 'RESULT']
    printTable(terminal, head, files.map(rowOf))
    terminal.out('\n')
  }
  for (const notice of allNotices(report)) terminal.out(`notice: ${oneLine(notice)}\n`)
  for (const damage of allDamages(report)) terminal.out(`damage: ${oneLine(damageText(damage))}\n`)
  const named = allDamages(report).length
  if (damages > named) terminal.out(`damage: and ${damages - named} more\n`)
  const bytes = files.reduce((sum, file) => sum + file.verifiedTo, 0)
  const what = `${files.length} files, ${formatBytes(bytes)}`
  const how = mode === 'live' ? 'beside a running node, as far as it is durable' : 'offline'
  const result = damages === 0 ? 'no damage' : `${damages} damages`
  terminal.out(`${result} in ${what} (${how})\n`)
}

function rowOf(file: VerifiedFile): (string | number)[] {
  const { name, size, verifiedTo, events, transactions, index, damageCount: count } = file
  const result = count === 0 ? 'whole' : `${count} damages`
  return [name, size, verifiedTo, events, transactions, index, result]
}
