import type { Command } from 'commander'
import type { AdminClient, FileRepairStatus, RepairStatus } from '../../admin/index.ts'
import { ExitCode } from '../exit-codes.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import type { Outcome } from '../outcome.ts'
import { oneLine, printJson } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'

const LOOK_MS = 200

const AFTER = `
Without FILE it takes all that the node knows to be damaged (kingbus status). Damaged bytes are fetched again from
another node of the cluster, else from the source while that has the file, and compared with what was stored; a damaged
index is made anew from its file. The node goes on serving, and uses the repaired file at once.
Ends with 0 when nothing is damaged any more, and with 1 when something cannot be repaired, which is said.`

interface RepairFlags extends NodeOptions {
  readonly dryRun?: true
}

export function addRepairCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  withNodeOptions(
    program
      .command('repair')
      .description('bring damaged files of a running node back to what was stored')
      .argument('[file]', 'a binlog file, which is looked at first')
      .option('--dry-run', 'find out whether it can be done, and change nothing'),
  )
    .addHelpText('after', AFTER)
    .action(async (file: string | undefined, flags: RepairFlags) => {
      const client = await nodeClient(flags, terminal)
      const dryRun = flags.dryRun === true
      await client.startRepair({ dryRun, ...(file === undefined ? {} : { file }) })
      const status = await ended(client, terminal)
      if (flags.json === true) printJson(terminal, status)
      else print(status, terminal)
      if (status.files.some(({ state }) => state === 'failed')) outcome.exitCode = ExitCode.NOT_WELL
    })
}

async function ended(client: AdminClient, terminal: Terminal): Promise<RepairStatus> {
  const progress = new Progress(terminal)
  try {
    for (;;) {
      const [status, files] = await Promise.all([client.repair(), client.files()])
      if (status.state !== 'running') return status
      const now = status.files.find(({ state }) => state === 'running')
      const size = files.find(({ name }) => name === now?.file)?.size ?? 0
      if (now !== undefined) progress.tell(now.file, now.doneBytes, size)
      await terminal.clock.sleep(LOOK_MS)
    }
  } finally {
    progress.end()
  }
}

function print({ files }: RepairStatus, terminal: Terminal): void {
  if (files.length === 0) terminal.out('nothing is known to be damaged; FILE has one looked at\n')
  for (const file of files) terminal.out(`${oneLine(textOf(file))}\n`)
}

function textOf({ file, state, damages, from, error }: FileRepairStatus): string {
  if (state === 'whole') return `${file}: is as it was stored`
  if (state !== 'repaired' && state !== 'repairable') {
    return error === null ? `${file}: ${state}` : `${error.message} [${error.code}]`
  }
  const ranges = damages.map((range) => `${range.file} ${range.from}-${range.to}`).join(', ')
  const giver = from.length === 0 ? 'with what is here' : `from ${from.join(', ')}`
  return `${file}: ${state === 'repaired' ? 'was repaired' : 'can be repaired'} ${giver} (${ranges})`
}
