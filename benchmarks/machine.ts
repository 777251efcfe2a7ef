import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { mysqlProgram, projectFolder } from '../test/e2e/harness/project.ts'

export interface Machine {
  readonly cores: number
  readonly processor: string
  readonly memoryGb: number
  readonly node: string
  readonly mysqld: string
  /** `-dirty` behind it: what was measured was not committed */
  readonly commit: string
}

export function machineFacts(): Machine {
  const [processor] = cpus()
  const version = execFileSync(mysqlProgram('mysqld'), ['--version'], { encoding: 'utf8' })
  const describe = ['describe', '--always', '--dirty']
  return {
    cores: cpus().length,
    processor: processor?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.versions.node,
    mysqld: /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown',
    commit: execFileSync('git', describe, { cwd: projectFolder, encoding: 'utf8' }).trim(),
  }
}
