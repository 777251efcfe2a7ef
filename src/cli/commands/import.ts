import type { Command } from 'commander'
import { type ImportReport } from '../../import/index.ts'
import { formatBytes, silentLogger } from '../../lib/index.ts'
import { openDataDir } from '../../store/index.ts'
import { printFacts, printJson } from '../output.ts'
import { Progress } from '../progress.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Takes a server's binlog files from its data directory, or from a backup, into a data directory without binlogs; start
Kingbus afterwards with that server as its source, and it goes on where the files end. A folder means all binlogs in it,
a .index file those that it names. The files are read and never changed. Every event is checked; encrypted files,
transactions without GTIDs, gaps, relay logs and wrong checksums are refused, and then nothing is imported. What stands
behind the last whole transaction of a file that the server still wrote, or that it died in, is left out and told.
Without --source-uuid the source is the one of auto.cnf beside the files, or whose all transactions are. Copies of
a running server's files do; FLUSH BINARY LOGS before makes all but the newest whole.
Progress goes to standard error.`

interface Flags extends SettingValues {
  readonly sourceUuid?: string
  readonly json?: true
}

export function addImportCommand(program: Command, terminal: Terminal): void {
  const command = program
    .command('import')
    .description('take existing binlog files into an empty data directory')
    .argument('<file...>', "binlog files, their folder, or the server's .index file")
    .option('--source-uuid <uuid>', 'server_uuid of the server that wrote the files')
    .option('--json', 'JSON instead of text; fields may be added, never change their meaning')
    .addHelpText('after', AFTER)
    .action(async (given: readonly string[], flags: Flags) => {
      const { chooseFiles, importFiles } = await import('../../import/index.ts')
      const { config } = await settingsFrom(flags, terminal)
      const { disk, random, clock } = terminal
      const paths = await chooseFiles(disk, given)
      const dataDir = await openDataDir({ disk, random, path: config['data-dir'] })
      const progress = new Progress(terminal)
      const startedMs = clock.monotonicMs()
      try {
        const report = await importFiles({
          disk,
          logger: silentLogger,
          dataDir,
          paths,
          sourceUuid: flags.sourceUuid,
          progress: (path, done, total) => progress.tell(path, done, total),
        })
        progress.end()
        const tookMs = clock.monotonicMs() - startedMs
        if (flags.json === true) printJson(terminal, jsonOf(report, tookMs))
        else show(terminal, report, tookMs)
      } finally {
        progress.end()
        await dataDir.release()
      }
    })
  withSettingOptions(command, ['data-dir'])
}

function jsonOf(report: ImportReport, tookMs: number): unknown {
  const { files, bytes, source, end, executed, purged, cuts } = report
  return {
    files,
    bytes,
    seconds: tookMs / 1000,
    sourceUuid: source.uuid,
    sourceUuidFoundIn: source.foundIn,
    end,
    gtidExecuted: executed.toString(),
    gtidPurged: purged.toString(),
    cuts,
  }
}

function show(terminal: Terminal, report: ImportReport, tookMs: number): void {
  const { files, bytes, source, end, executed, purged, cuts } = report
  const rate = `${(bytes / 1000 / Math.max(1, tookMs)).toFixed(0)} MB/s`
  printFacts(terminal, [
    [
      'imported',
      `${files} files, ${formatBytes(bytes)}, in ${(tookMs / 1000).toFixed(1)} s, ${rate}`,
    ],
    ['source', `${source.uuid}, from ${source.foundIn}`],
    ['ends at', `${end.file}:${end.position}`],
    ['has', executed.toString() || 'no transaction'],
    ['purged', purged.toString() || 'nothing: it is all from the first transaction on'],
    ...cuts.map(({ file, position, bytes: count }): [string, string] => [
      'left out',
      `${count} bytes of ${file} from ${position} on, behind its last whole transaction`,
    ]),
  ])
}
