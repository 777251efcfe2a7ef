import { execFile } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ServerProcess } from '../child.ts'
import { etcdProgram, makeRunFolder, projectFolder } from '../project.ts'
import { waitFor } from '../wait.ts'
import type { ComposeService, ContainerFile } from './compose-file.ts'
import type { Image } from './image.ts'

/** The user `node` of the image. */
const uid = '1000'
const asUser = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']

export interface ContainerOptions {
  readonly image: Image
  readonly service: ComposeService
  /** the network namespace that it runs in */
  readonly namespace: string
}

/**
 * A service of the compose file without a container engine: its command, environment, user and files in a network
 * namespace and a mount namespace. The programs of the image come from this machine, and so does its root folder.
 */
export class Container {
  readonly #options: ContainerOptions
  /** what stands in its place in the container */
  readonly #folder: string
  #process: ServerProcess | undefined

  constructor(options: ContainerOptions) {
    this.#options = options
    this.#folder = makeRunFolder(options.service.name)
    // The user of the image must come to the data below it.
    chmodSync(this.#folder, 0o755)
    for (const name of options.service.volumes.keys()) this.#makeVolume(name)
  }

  /** As `docker compose up` does it. */
  start(): void {
    const { image, service, namespace } = this.#options
    const command = service.command ?? image.command
    const script = [...this.#mounts(), `cd ${image.workingFolder}`, `exec ${asUser.join(' ')} "$@"`]
    this.#process = new ServerProcess({
      program: 'ip',
      args: ['netns', 'exec', namespace, 'sh', '-ec', script.join('\n'), service.name].concat(
        this.#withEnvironment(command),
      ),
      logFile: join(this.#folder, 'log'),
    })
  }

  /** As `docker compose exec` does it; what the command prints. */
  async execute(command: readonly string[]): Promise<string> {
    const inside = ['--target', String(this.#process?.pid), '--mount', '--net', '--', ...asUser]
    const args = [...inside, ...this.#withEnvironment(command)]
    return (await promisify(execFile)('nsenter', args, { timeout: 20_000 })).stdout
  }

  /** Waits until the check of the image's health says so. */
  async healthy(timeoutMs = 60_000): Promise<void> {
    const { image, service } = this.#options
    const what = `${service.name} to be healthy`
    await waitFor({ what, timeoutMs, explain: () => this.logTail(), stepMs: 500 }, async () => {
      if (this.#process?.isRunning !== true) throw new Error(`it ended: ${this.logTail()}`)
      return await this.execute(image.healthcheck).then(
        () => true,
        () => false,
      )
    })
  }

  /** The folder on this machine that is a volume of the container. */
  volume(name: string): string {
    return join(this.#folder, `volume-${name}`)
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM')
  }

  logTail(): string {
    return this.#process?.logTail() ?? ''
  }

  #makeVolume(name: string): void {
    mkdirSync(this.volume(name), { mode: 0o700 })
    chownSync(this.volume(name), Number(uid), Number(uid))
  }

  #withEnvironment(command: readonly string[]): string[] {
    const { image, service } = this.#options
    const all = { ...image.environment, ...service.environment }
    const path = '/opt/kingbus/bin:/opt/node:/opt/etcd:/usr/bin:/bin'
    const variables = Object.entries(all).map(([name, value]) => `${name}=${value}`)
    return ['env', '-i', `PATH=${path}`, ...variables, ...command]
  }

  /** Lines of a shell; all vanish with the process. */
  #mounts(): string[] {
    const { service } = this.#options
    const volumes = [...service.volumes].flatMap(([name, path]) => [
      `mount -t tmpfs -o mode=755 none ${dirname(path)}`,
      ...bound(this.volume(name), path),
    ])
    return [
      'mount -t tmpfs -o mode=755 none /run',
      'mount -t tmpfs -o mode=755 none /opt',
      ...bound(projectFolder, '/opt/kingbus'),
      ...bound(dirname(process.execPath), '/opt/node'),
      ...bound(dirname(realpathSync(etcdProgram('etcd'))), '/opt/etcd'),
      ...volumes,
      ...placed(service.files, this.#folder),
    ]
  }
}

/**
 * Lines of a shell that put files into their places.
 * @param folder where they are until then
 */
export function placed(files: readonly ContainerFile[], folder: string): string[] {
  return files.flatMap(({ path, text, uid: owner, mode }) => {
    const beside = join(folder, basename(path))
    writeFileSync(beside, text, { mode: 0o600 })
    return [
      `mkdir -p ${dirname(path)}`,
      `install -o ${owner} -g ${owner} -m ${mode.toString(8)} ${beside} ${path}`,
    ]
  })
}

function bound(folder: string, path: string): string[] {
  return [`mkdir -p ${path}`, `mount --bind ${folder} ${path}`]
}
