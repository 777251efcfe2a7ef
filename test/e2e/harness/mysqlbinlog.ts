import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServerProcess } from './child.ts'
import { replicationPassword, replicationUser } from './mysqld.ts'
import { mysqlProgram } from './project.ts'
import type { SourceAddress } from './replica.ts'

const outputBytesMost = 512 * 1024 * 1024

/** Runs the real mysqlbinlog to its end; what it printed. */
export async function mysqlbinlog(...args: readonly string[]): Promise<string> {
  const program = mysqlProgram('mysqlbinlog')
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: outputBytesMost })
  return stdout
}

export type DumpKind = 'BINLOG-DUMP-GTIDS' | 'BINLOG-DUMP-NON-GTIDS'

/** The arguments by which mysqlbinlog reads from a server. */
export function remoteArguments(source: SourceAddress, kind: DumpKind): string[] {
  return [
    `--read-from-remote-source=${kind}`,
    '--host=127.0.0.1',
    `--port=${source.port}`,
    `--user=${replicationUser}`,
    `--password=${replicationPassword}`,
  ]
}

/** Fetches a server's binlogs from `first` to the last one as files in `folder`. */
export async function fetchBinlogs(
  source: SourceAddress,
  kind: DumpKind,
  first: string,
  folder: string,
): Promise<void> {
  mkdirSync(folder)
  const target = ['--raw', '--to-last-log', `--result-file=${folder}/`]
  await mysqlbinlog(...remoteArguments(source, kind), ...target, first)
}

/** A mysqlbinlog that follows a server for ever, writing files of the same names into `folder`. */
export function followBinlogs(
  source: SourceAddress,
  serverId: number,
  first: string,
  folder: string,
): ServerProcess {
  mkdirSync(folder)
  const follow = ['--raw', '--stop-never', `--connection-server-id=${serverId}`]
  return new ServerProcess({
    program: mysqlProgram('mysqlbinlog'),
    args: [
      ...remoteArguments(source, 'BINLOG-DUMP-NON-GTIDS'),
      ...follow,
      `--result-file=${folder}/`,
      first,
    ],
    logFile: join(folder, 'log'),
  })
}
