/*
  What the process needs of the machine beside its disk: files, memory, a Node.js that it is tested with.
*/
import type { Config } from '../config/index.ts'
import { formatBytes } from '../lib/index.ts'
import type { Disk, Machine } from '../platform/index.ts'
import { SERVE_LIMITS } from '../serve/index.ts'
import { type DoctorFinding, note, ok, problem, warning } from './checks.ts'

const MIB = 1024 * 1024
const MEMORY_LEAST = 512 * MIB
/** for the store, the log, the HTTP API and what Node.js itself opens */
const OTHER_FILES = 256
/** a socket, and for a dump the file that it reads */
const FILES_PER_CONNECTION = 2
const FILES_WANTED = FILES_PER_CONNECTION * SERVE_LIMITS.connectionsMost + OTHER_FILES

export async function processFindings({
  config,
  disk,
  machine,
}: {
  config: Config
  disk: Disk
  machine: Machine
}): Promise<DoctorFinding[]> {
  return [
    await openFilesFinding(disk),
    checkMemory(machine),
    checkNode(machine),
    checkLogLevel(config),
  ]
}

/** Whether this process, or one started as it was, may open as many files as its limits let clients ask for. */
export async function openFilesFinding(disk: Disk): Promise<DoctorFinding> {
  return checkOpenFiles(await openFilesMost(disk))
}

/** Node.js raises the soft bound to the hard one at its start, so the hard one counts. */
async function openFilesMost(disk: Disk): Promise<number | undefined> {
  const table = '/proc/self/limits'
  if (!(await disk.exists(table))) return undefined
  const text = (await disk.readFile(table)).toString('utf8')
  const hard = /^Max open files +\S+ +(\S+)/m.exec(text)?.[1]
  if (hard === undefined) return undefined
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard)
}

export function checkOpenFiles(most: number | undefined): DoctorFinding {
  const id = 'open-files'
  if (most === undefined) {
    return note(id, 'this system does not tell', `see that ulimit -n is ${FILES_WANTED} or more`)
  }
  const found = `a process started as this one may open ${most} files`
  if (most >= FILES_WANTED) return ok(id, found)
  return warning(
    id,
    `${found}, enough for ${connectionsWith(most)} connections that read; ` +
      `${SERVE_LIMITS.connectionsMost} need ${FILES_WANTED}`,
    `ulimit -n ${FILES_WANTED}, or LimitNOFILE=${FILES_WANTED} in the systemd unit`,
  )
}

function connectionsWith(files: number): number {
  return Math.max(0, Math.floor((files - OTHER_FILES) / FILES_PER_CONNECTION))
}

function checkMemory({ memoryBytes }: Machine): DoctorFinding {
  const found = formatBytes(memoryBytes)
  if (memoryBytes >= MEMORY_LEAST) return ok('memory', found)
  const remedy = `give the machine or the container ${formatBytes(MEMORY_LEAST)}`
  return warning('memory', `${found} for all that runs here`, remedy)
}

const NODE_VERSIONS: ReadonlyMap<number, number> = new Map([
  [20, 19],
  [22, 12],
])
const NODE_NEWEST = 24

/** The same as `engines` in package.json. */
export function checkNode({ nodeVersion }: Pick<Machine, 'nodeVersion'>): DoctorFinding {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number)
  const least = NODE_VERSIONS.get(major)
  const known = least === undefined ? major >= NODE_NEWEST : minor >= least
  if (known) return ok('node.version', nodeVersion)
  const found = `Node.js ${nodeVersion} is not one that kingbus runs on`
  return problem('node.version', found, `install Node.js ${NODE_NEWEST} (or 20.19, 22.12)`)
}

function checkLogLevel(config: Config): DoctorFinding {
  const level = config['log.level']
  if (level !== 'debug') return ok('log.level', level)
  return note('log.level', 'debug', 'set log.level to info once what you look for is found')
}
