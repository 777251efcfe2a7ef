/*
  The data directory as the next start finds it: there or to be made, whose, in use, on what file system.
*/
import { dirname, resolve } from 'node:path'
import { type ClusterConfig, type Config, clusterConfig } from '../config/index.ts'
import { formatBytes, messageOf, OperationalError, systemCodeOf } from '../lib/index.ts'
import type { Disk, DiskSpace, FileAttributes, Machine } from '../platform/index.ts'
import { type Identity, isFileName, isLog, minFreeBytes, readIdentity } from '../store/index.ts'
import { type DoctorFinding, note, ok, problem, warning } from './checks.ts'
import { mountOf } from './mounts.ts'

export interface DataDirFacts {
  readonly path: string
  /** the folder itself, or the nearest above it that exists */
  readonly existing: string
  readonly attributes: FileAttributes
  /** another process has it */
  readonly inUse: boolean
  readonly identity: Identity | OperationalError | undefined
  /** names of the binlog files that are stored */
  readonly stored: readonly string[]
  /** they are the log of a cluster's node */
  readonly isLog: boolean
  /** what the configuration says; undefined for a node that is alone */
  readonly cluster: ClusterConfig | undefined
  readonly fileSystem: string | undefined
  readonly space: DiskSpace
  readonly minFreeBytes: number
}

export async function lookAtDataDir(config: Config, disk: Disk): Promise<DataDirFacts> {
  const path = resolve(config['data-dir'])
  const { existing, attributes } = await nearestExisting(disk, path)
  const there = existing === path && attributes.isFolder
  const folder = attributes.isFolder ? existing : dirname(existing)
  return {
    path,
    existing,
    attributes,
    inUse: there && (await isLocked(disk, `${path}/lock`)),
    identity: there ? await identityOf(disk, path) : undefined,
    stored: there ? (await disk.list(`${path}/binlogs`)).filter(isFileName) : [],
    isLog: there && (await isLog(disk, `${path}/binlogs`)),
    cluster: clusterConfig(config),
    fileSystem: await fileSystemOf(disk, folder),
    space: await disk.space(folder),
    minFreeBytes: config['disk.min-free'] ?? (await minFreeBytes(disk, folder)),
  }
}

async function nearestExisting(
  disk: Disk,
  path: string,
): Promise<Pick<DataDirFacts, 'existing' | 'attributes'>> {
  let attributes: FileAttributes | undefined
  try {
    attributes = await disk.attributes(path)
  } catch (thrown) {
    // What lies behind a file, or in a folder that we may not enter: what is wrong is found at that one.
    if (!UNENTERED.includes(systemCodeOf(thrown))) throw thrown
  }
  if (attributes !== undefined) return { existing: path, attributes }
  return await nearestExisting(disk, dirname(path))
}

const UNENTERED: readonly (string | undefined)[] = ['ENOTDIR', 'EACCES']

/** Takes the lock for a moment where nobody has it. */
async function isLocked(disk: Disk, path: string): Promise<boolean> {
  if (!(await disk.exists(path))) return false
  try {
    const lock = await disk.lock(path)
    await lock?.release()
    return lock === undefined
  } catch (thrown) {
    // A lock of somebody else's that we may not even open: what is wrong is told of the directory.
    if (systemCodeOf(thrown) === 'EACCES') return false
    throw thrown
  }
}

async function identityOf(disk: Disk, path: string): Promise<DataDirFacts['identity']> {
  try {
    return await readIdentity(disk, path)
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown
    if (systemCodeOf(thrown) === undefined) throw thrown
    const message = `${path}/identity.json cannot be read: ${messageOf(thrown)}`
    return new OperationalError('E_DATA_DIR_INVALID', message, {}, { cause: thrown })
  }
}

async function fileSystemOf(disk: Disk, folder: string): Promise<string | undefined> {
  const table = '/proc/self/mountinfo'
  if (!(await disk.exists(table))) return undefined
  return mountOf((await disk.readFile(table)).toString('utf8'), folder)?.type
}

export function dataDirFindings(facts: DataDirFacts, machine: Machine): DoctorFinding[] {
  return [
    checkFolder(facts, machine),
    checkCluster(facts),
    checkInUse(facts),
    checkFileSystem(facts),
    checkSpace(facts),
  ]
}

function checkFolder(facts: DataDirFacts, { userId }: Machine): DoctorFinding {
  const { path, existing, attributes, identity } = facts
  const { mode, ownerId, isFolder } = attributes
  if (!isFolder) {
    return problem('data-dir', `${existing} is a file`, 'give another data-dir')
  }
  if (identity instanceof OperationalError) {
    return problem('data-dir', identity.message, 'see docs/reference/errors.md')
  }
  if (existing !== path) return ok('data-dir', `${path} is made at the first start, in ${existing}`)
  if (userId !== undefined && ownerId !== userId) {
    return warning(
      'data-dir',
      `${path} belongs to user ${ownerId}, and this is user ${userId}`,
      `run kingbus and this command as the owner, or chown -R ${userId} ${path}`,
    )
  }
  if ((mode & 0o077) !== 0) {
    const found = `${path} has mode ${mode.toString(8).padStart(4, '0')}: others can look into it`
    return warning('data-dir', found, `chmod 700 ${path}`)
  }
  const what = identity === undefined ? 'is empty' : `holds ${facts.stored.length} binlog files`
  return ok('data-dir', `${path} ${what}`)
}

function checkCluster({ path, cluster, isLog, stored }: DataDirFacts): DoctorFinding {
  const id = 'data-dir.cluster'
  if (cluster === undefined) {
    if (!isLog) return ok(id, 'this node is alone')
    return problem(
      id,
      `${path} is that of a cluster's node, and the configuration has no cluster.peer-url`,
      'set cluster.* as the node had it, or give another data-dir',
    )
  }
  if (isLog) return ok(id, `${path} is that of a cluster's node`)
  if (stored.length === 0) return ok(id, 'the node begins with nothing')
  const held = `${path} holds ${stored.length} binlog files of a node that was alone`
  const remedy =
    'to keep them, let this node begin a cluster alone (itself in cluster.initial-cluster, ' +
    'initial-cluster-state new) and add the others by kingbus members add; else give an empty data-dir'
  if (cluster.initialClusterState === 'existing') {
    const end = 'the node would stop, or give them up for those of the others'
    return problem(id, `${held}, and it is to join a cluster: ${end}`, remedy)
  }
  const isAlone = cluster.initialCluster.every(({ name }) => name === cluster.name)
  if (isAlone) return ok(id, `${held}: they become those of the cluster`)
  const found = `${held}, and a cluster of several begins only when none of them holds any`
  return problem(id, found, remedy)
}

function checkInUse({ inUse, path }: DataDirFacts): DoctorFinding {
  if (!inUse) return ok('data-dir.in-use', 'no other process has it')
  return note(
    'data-dir.in-use',
    `another process has ${path}: this looks at the machine beside a running node`,
    'nothing, if that is your node; a second one needs another data-dir',
  )
}

const LOSING = ['tmpfs', 'ramfs', 'devtmpfs']
const REMOTE = ['nfs', 'nfs4', 'cifs', 'smb3', 'fuse.sshfs', '9p', 'virtiofs']
const LAYERED = ['overlay', 'aufs']

function checkFileSystem({ fileSystem, path }: DataDirFacts): DoctorFinding {
  const id = 'disk.file-system'
  if (fileSystem === undefined) {
    return note(id, 'this system does not tell', 'see that it is a local disk')
  }
  if (LOSING.includes(fileSystem)) {
    const found = `${path} is on ${fileSystem}: a restart of the machine loses everything`
    return warning(id, found, 'put data-dir on a disk')
  }
  if (REMOTE.includes(fileSystem)) {
    const found = `${path} is on ${fileSystem}, over a network: locks and fdatasync may not hold there`
    return warning(id, found, 'put data-dir on a local disk or a block device')
  }
  if (LAYERED.includes(fileSystem)) {
    const found = `${path} is on ${fileSystem}, which goes with the container`
    return warning(id, found, 'put data-dir on a volume')
  }
  return ok(id, fileSystem)
}

function checkSpace({ space, minFreeBytes: minFree, existing }: DataDirFacts): DoctorFinding {
  const free = `${formatBytes(space.freeBytes)} free of ${formatBytes(space.totalBytes)}`
  const bound = `disk.min-free is ${formatBytes(minFree)}`
  if (space.freeBytes >= minFree) return ok('disk.space', `${free}; ${bound}`)
  return problem(
    'disk.space',
    `${existing} has ${free}, and ${bound}`,
    'make room, or set a smaller disk.min-free',
  )
}
