import {
  type Config,
  type Environment,
  type LoadedConfig,
  loadSecrets,
  type Secrets,
  sourceAddress,
} from '../config/index.ts'
import { formatBytes, messageOf, OperationalError, ProtocolError } from '../lib/index.ts'
import type { Clock, Disk, Machine, Random } from '../platform/index.ts'
import {
  failureFinding,
  type ReplicaSelf,
  remedyFor,
  SOURCE_LIMITS,
  type SourceSurvey,
  surveySource,
} from '../source/index.ts'
import { certificateFindings } from './certificates.ts'
import { type DoctorFinding, note, ok, problem, warning } from './checks.ts'
import { type DataDirFacts, dataDirFindings, lookAtDataDir } from './data-dir.ts'
import { type DiskSpeed, diskSpeedFinding, measureDisk } from './disk-speed.ts'
import { listenFindings } from './listeners.ts'
import { processFindings } from './process-room.ts'
import { secretsFinding, usersFinding } from './secret-files.ts'
import { sourceFindings } from './source-findings.ts'
import { historyFindings } from './source-history.ts'

export interface DoctorOptions {
  readonly loaded: LoadedConfig
  readonly environment: Environment
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  readonly machine: Machine
}

/** Every check once, those of the source first. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorFinding[]> {
  const { disk } = options
  const { config } = options.loaded
  const dataDir = await lookAtDataDir(config, disk)
  const measured = await measureDisk(options, dataDir)
  const speed = 'id' in measured ? undefined : measured
  const secrets = await secretsOf(options)
  return [
    ...(await source(options, { secrets, dataDir, speed })),
    ...withoutRepeated(dataDirFindings(dataDir, options.machine), measured),
    checkRetention(config, dataDir),
    ...(await processFindings({ ...options, config })),
    ...(await listenFindings(config, dataDir.inUse)),
    ...(await certificateFindings({ ...options, config, dataDir: dataDir.path })),
    secretsFinding(config, secrets),
    await usersFinding(config, disk),
  ]
}

/** That nothing can be written takes the place of what is said of the directory otherwise. */
function withoutRepeated(
  found: readonly DoctorFinding[],
  measured: DiskSpeed | DoctorFinding,
): DoctorFinding[] {
  if (!('id' in measured)) return [...found, diskSpeedFinding(measured)]
  return [...found.filter(({ id }) => id !== measured.id), measured]
}

async function secretsOf(options: DoctorOptions): Promise<Secrets | OperationalError> {
  try {
    return await loadSecrets(options.disk, options.loaded, options.environment)
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown
    throw thrown
  }
}

interface Here {
  readonly secrets: Secrets | OperationalError
  readonly dataDir: DataDirFacts
  readonly speed: DiskSpeed | undefined
}

async function source(
  options: DoctorOptions,
  { secrets, dataDir, speed }: Here,
): Promise<DoctorFinding[]> {
  const { config } = options.loaded
  const url = config['source.url']
  if (url === undefined) {
    return [note('source.url', 'no source is configured', 'set --source mysql://USER@HOST:PORT')]
  }
  if (secrets instanceof OperationalError) {
    return [problem('source.login', 'not tried without its password', 'see secrets')]
  }
  const address = sourceAddress(config, secrets, options.disk)
  if (address === undefined) return []
  const self = selfOf(config, dataDir)
  let survey: SourceSurvey
  try {
    const nobody = { serverId: 0, uuid: '' }
    const link = { ...options, address, self: self ?? nobody, limits: SOURCE_LIMITS }
    survey = await surveySource(link, new AbortController().signal)
  } catch (thrown) {
    if (thrown instanceof OperationalError) return [failureFinding(thrown)]
    if (!(thrown instanceof ProtocolError)) throw thrown
    return [
      problem(
        'source.version',
        messageOf(thrown),
        'see that a MySQL or MariaDB server answers there',
      ),
    ]
  }
  const found = [
    ...sourceFindings(survey, url, config['source.semi-sync']),
    ...historyFindings({ config, survey, self, dataDir, speed }),
  ]
  const { flavor } = survey.profile
  return found.map((finding) => ({ ...finding, remedy: remedyFor(flavor, finding.remedy) }))
}

/** Undefined before the first start, which makes an identity of its own. */
function selfOf(config: Config, { identity }: DataDirFacts): ReplicaSelf | undefined {
  const known = identity instanceof OperationalError ? undefined : identity
  const serverId = config['source.server-id'] ?? known?.sourceReplicaServerId
  const uuid = config['source.server-uuid'] ?? known?.sourceReplicaUuid
  if (serverId === undefined && uuid === undefined) return undefined
  return { serverId: serverId ?? 0, uuid: uuid ?? '' }
}

function checkRetention(config: Config, { space, minFreeBytes }: DataDirFacts): DoctorFinding {
  const most = config['retention.max-size']
  const room = space.totalBytes - minFreeBytes
  if (most !== undefined && most > room) {
    return warning(
      'retention',
      `retention.max-size is ${formatBytes(most)}, and the disk less disk.min-free ${formatBytes(room)}`,
      'set a smaller retention.max-size',
    )
  }
  if (most !== undefined) return ok('retention', `at most ${formatBytes(most)}`)
  if (config['retention.max-age'] !== undefined) return ok('retention', 'by age')
  const remedy = `set retention.max-size (${formatBytes(Math.max(0, room))} is all there is) or max-age`
  return note('retention', 'unlimited', remedy)
}
