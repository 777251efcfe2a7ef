import type { Command } from 'commander'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const HEAD = ['FILE', 'BYTES', 'FIRST EVENT', 'LAST EVENT', 'SOURCE FILE', 'READERS', '']

export function addFilesCommand(program: Command, terminal: Terminal): void {
  withNodeOptions(
    program.command('files').description('the binlog files that a running node holds'),
  ).action(async (options: NodeOptions) => {
    const files = await (await nodeClient(options, terminal)).files()
    if (options.json === true) return printJson(terminal, files)
    const rows = files.map((file) => [
      file.name,
      file.size,
      file.firstEventAt,
      file.lastEventAt,
      file.sourceFile,
      file.readers,
      file.active ? 'active' : '',
    ])
    return printTable(terminal, HEAD, rows)
  })
}
