import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandIn, ServerProcess } from './child.ts'
import { type Mysqld, replicationPassword, replicationUser } from './mysqld.ts'
import type { Place } from './network/place.ts'
import { freePort } from './ports.ts'
import { makeRunFolder, projectFolder } from './project.ts'
import { stopAtDisk } from './signals.ts'
import { waitFor } from './wait.ts'

export interface KingbusOptions {
  /** where the source is: `mysql://user@host:port` */
  readonly sourceUrl: string
  /** further flags of `kingbus start`, without the dashes */
  readonly flags?: Readonly<Record<string, string>>
  /** address that replicas connect to; default 127.0.0.1 */
  readonly host?: string
  /** outlives this process (the demo's --keep) */
  readonly detached?: boolean
  /** its replicas are MariaDB servers, which know only mysql_native_password */
  readonly nativePassword?: boolean
  /** where it runs and listens, in place of this machine's 127.0.0.1 */
  readonly place?: Place
  /** the folder that its data directory is made in, when it is another than that of its log */
  readonly disk?: string
  /** further variables of its environment */
  readonly env?: Readonly<Record<string, string>>
}

/** What is started in the place of `bin/kingbus`. */
export interface Program {
  readonly program: string
  /** before those of Kingbus */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What `/api/v1/status` answers, as far as these tests look at it. */
export interface KingbusStatus {
  readonly source: {
    readonly state: string
    /** why it is not streaming; null where nothing is wrong */
    readonly error: { readonly code: string; readonly message: string } | null
    readonly lagSeconds?: number | null
    readonly safeToPurgeTo?: string | null
  }
  readonly gtidExecuted: string
  readonly gtidPurged: string
  readonly [field: string]: unknown
}

const PRODUCT: Program = {
  program: process.env['KINGBUS_PROGRAM'] ?? join(projectFolder, 'bin', 'kingbus'),
  args: [],
  env: {},
}

const DEFAULT_PORT = 3390
const DEFAULT_ADMIN_PORT = 9595
/** A disk that is very busy may need so long for what a start makes durable. */
const READY_MS = 120_000

/** As MariaDB keeps it in mysql.global_priv. */
function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest()
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`
}

/** A real `bin/kingbus start` on 127.0.0.1, with a data directory and ports of its own. */
export class Kingbus {
  readonly folder: string
  readonly port: number
  readonly adminPort: number
  readonly #options: KingbusOptions
  #sourceUrl: string
  #flags: Readonly<Record<string, string>>
  #process: ServerProcess | undefined

  /** Starts Kingbus and waits until it is ready to serve. */
  static async start(options: KingbusOptions): Promise<Kingbus> {
    // A machine of its own has all ports free.
    const isAlone = options.place !== undefined
    const port = isAlone ? DEFAULT_PORT : await freePort()
    const kingbus = new Kingbus(options, port, isAlone ? DEFAULT_ADMIN_PORT : await freePort())
    await kingbus.launch()
    return kingbus
  }

  private constructor(options: KingbusOptions, port: number, adminPort: number) {
    this.folder = makeRunFolder('kingbus')
    this.port = port
    this.adminPort = adminPort
    this.#options = options
    this.#sourceUrl = options.sourceUrl
    this.#flags = options.flags ?? {}
    mkdirSync(this.dataFolder, { mode: 0o700 })
    const secret = { mode: 0o600 }
    writeFileSync(this.#sourcePasswordFile, `${replicationPassword}\n`, secret)
    const password = options.nativePassword
      ? `password-hash: "${nativeHash(replicationPassword)}"`
      : `password: ${replicationPassword}`
    const user = `name: ${replicationUser}, ${password}, rights: [replicate]`
    writeFileSync(this.#usersFile, `- {${user}}\n`, secret)
  }

  get host(): string {
    return this.#options.place?.address ?? this.#options.host ?? '127.0.0.1'
  }

  get dataFolder(): string {
    return join(this.#options.disk ?? this.folder, 'data')
  }

  get binlogFolder(): string {
    return join(this.dataFolder, 'binlogs')
  }

  get logFile(): string {
    return join(this.folder, 'log')
  }

  get #sourcePasswordFile(): string {
    return join(this.folder, 'source-password')
  }

  get #usersFile(): string {
    return join(this.folder, 'users.yaml')
  }

  get adminUrl(): string {
    return `http://${this.#options.place?.address ?? '127.0.0.1'}:${this.adminPort}`
  }

  get pid(): number {
    return this.#running().pid
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false
  }

  get exitCode(): number | null {
    return this.#running().exitCode
  }

  /** Where Kingbus looks for its source after the next start. */
  setSourceUrl(url: string): void {
    this.#sourceUrl = url
  }

  get flags(): Readonly<Record<string, string>> {
    return this.#flags
  }

  /** Further flags from the next start on, in the place of those before. */
  setFlags(flags: Readonly<Record<string, string>>): void {
    this.#flags = flags
  }

  /** Starts the process and waits for this probe. */
  async launch(probe: '/readyz' | '/healthz' = '/readyz'): Promise<void> {
    const server = this.#spawn(PRODUCT)
    const explain = (): string => `; its log ends:\n${server.logTail()}`
    const patience = { what: 'Kingbus to be ready', timeoutMs: READY_MS, explain, stepMs: 20 }
    await waitFor(patience, async () => {
      if (!server.isRunning) throw new Error(`Kingbus ended with ${server.exitCode}${explain()}`)
      const answer = await fetch(`${this.adminUrl}${probe}`).catch(() => undefined)
      return answer?.ok
    })
  }

  /** Starts another program in its place this once, and waits for nothing. @returns what resolves at its end */
  launchOther(program: Program): Promise<void> {
    return this.#spawn(program).exited
  }

  #spawn({ program, args, env }: Program): ServerProcess {
    const flags = {
      'data-dir': this.dataFolder,
      source: this.#sourceUrl,
      'source-password-file': this.#sourcePasswordFile,
      listen: `${this.host}:${this.port}`,
      'admin-listen': `127.0.0.1:${this.adminPort}`,
      'serve-users-file': this.#usersFile,
      'disk-min-free': '64MiB',
      ...this.#flags,
    }
    const server = new ServerProcess({
      ...commandIn(this.#options.place?.namespace, program, [
        ...args,
        'start',
        ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      ]),
      logFile: this.logFile,
      detached: this.#options.detached ?? false,
      env: { ...this.#options.env, ...env },
    })
    this.#process = server
    return server
  }

  async status(): Promise<KingbusStatus> {
    const answer = await fetch(`${this.adminUrl}/api/v1/status`)
    if (!answer.ok) throw new Error(`status answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as KingbusStatus
  }

  /** @param series a name with its labels; NaN where the page has none such */
  async metric(series: string): Promise<number> {
    const page = await (await fetch(`${this.adminUrl}/metrics`)).text()
    const line = page.split('\n').find((one) => one.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1))
  }

  /** As the operator does it, who wants no link to the source for a while; returns when it is gone. */
  async stopSource(): Promise<void> {
    await this.#post('/api/v1/source/stop')
    await this.waitForState('stopped')
  }

  async startSource(): Promise<void> {
    await this.#post('/api/v1/source/start')
  }

  /** Waits until the link to the source is in this state; its status then. */
  async waitForState(state: string, timeoutMs = 30_000): Promise<KingbusStatus> {
    let last: KingbusStatus | undefined
    const explain = (): string => `but it was ${JSON.stringify(last?.source)}\n${this.logTail()}`
    const what = `the source link to be ${state}`
    return await waitFor({ what, timeoutMs, explain }, async () => {
      last = await this.status()
      return last.source.state === state ? last : undefined
    })
  }

  /** Waits until it holds what the source has executed now; its status then. */
  async catchUpWith(source: Mysqld): Promise<KingbusStatus> {
    const executed = await source.gtidExecuted()
    return await waitFor({ what: `Kingbus to hold ${executed}` }, async () => {
      const status = await this.status()
      return status.gtidExecuted.replaceAll('\n', '') === executed ? status : undefined
    })
  }

  /** The binlog files held, in their order. */
  binlogs(): { name: string; path: string }[] {
    if (!existsSync(this.binlogFolder)) return []
    const names = readdirSync(this.binlogFolder).filter((name) => /\.\d+$/.test(name))
    const number = (name: string): number => Number(name.slice(name.lastIndexOf('.') + 1))
    return names
      .toSorted((one, other) => number(one) - number(other))
      .map((name) => ({ name, path: join(this.binlogFolder, name) }))
  }

  /** Memory in bytes: what the process takes now, and the most it ever took. */
  memory(): { nowBytes: number; peakBytes: number } {
    const text = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const field = (name: string): number =>
      Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(text)?.[1] ?? Number.NaN) * 1024
    return { nowBytes: field('VmRSS'), peakBytes: field('VmHWM') }
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM')
  }

  async kill9(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  async restart(): Promise<void> {
    if (this.isRunning) await this.stop()
    await this.launch()
  }

  freeze(): void {
    this.#running().signal('SIGSTOP')
  }

  /** The same, while the disk may still be at what it was asked for. */
  freezeAtDisk(): void {
    stopAtDisk(this.#running().pid)
  }

  thaw(): void {
    this.#running().signal('SIGCONT')
  }

  /** Leaves Kingbus running when this process ends. */
  release(): void {
    this.#running().release()
  }

  logTail(lines = 40): string {
    return this.#process?.logTail(lines) ?? ''
  }

  /** Asks the HTTP API; what it answers. */
  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers = { 'content-type': 'application/json' }
    const withBody = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    const answer = await fetch(`${this.adminUrl}${path}`, { method, ...withBody })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path} answers ${answer.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** Runs a command of the command line that asks this node. */
  async run(...args: readonly string[]): Promise<{ code: number | null; out: string }> {
    const program = join(projectFolder, 'bin', 'kingbus')
    const child = spawn(program, [...args, '--admin', this.adminUrl], { timeout: 60_000 })
    let out = ''
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return { code, out }
  }

  async #post(path: string): Promise<void> {
    await this.request('POST', path)
  }

  #running(): ServerProcess {
    if (this.#process === undefined) throw new Error('Kingbus was not started')
    return this.#process
  }
}
