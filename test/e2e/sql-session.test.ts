import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EXECUTED, type FakeServer, startFakeServer } from '../../src/serve/testing/fake-server.ts'
import { mysqlProgram } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

interface Run {
  readonly stdout: string
  readonly stderr: string
}

const TIME_LIMIT = { timeout: 20_000 }

let server: FakeServer

beforeAll(async () => {
  for (const name of ['mysql', 'mysqladmin']) {
    const program = mysqlProgram(name)
    if (!existsSync(program)) throw new Error(`${program} is missing; run scripts/get-mysql`)
  }
  server = await startFakeServer()
})

afterAll(async () => {
  await server?.close()
})

/**
 * Runs one of MySQL's own clients to its end; its warning about the password is left out. An argument
 * that begins with < is what it reads from its standard input.
 */
function client(
  program: 'mysql' | 'mysqladmin',
  account: readonly [user: string, password: string],
  ...args: readonly string[]
): Promise<Run> {
  const [user, password] = account
  const common = ['--no-defaults', '--host=127.0.0.1', `--port=${server.port}`]
  const input = args.find((arg) => arg.startsWith('<'))?.slice(1) ?? ''
  const options = args.filter((arg) => !arg.startsWith('<'))
  const given = [...common, `--user=${user}`, `--password=${password}`, ...options]
  return new Promise((resolve) => {
    const running = execFile(mysqlProgram(program), given, TIME_LIMIT, (_, stdout, stderr) => {
      resolve({ stdout, stderr: stderr.replace(/^\S+ \[Warning\].*\n/gm, '') })
    })
    running.stdin?.end(input)
  })
}

const REPL = ['repl', 'plain secret'] as const
const HASHED = ['hashed', 'correct horse'] as const
const PLAIN = ['--ssl-mode=DISABLED', '--get-server-public-key']

/** What the real client prints for the statements, in its batch form. */
async function answers(sql: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await client('mysql', REPL, '--skip-column-names', ...args, '-e', sql)
  expect(stderr).toBe('')
  return stdout
}

describe('the real client logs in', () => {
  test.each([
    ['a plain password', REPL],
    ['a copied hash', HASHED],
  ])('with %s over TLS and over RSA, the first time and again', async (_, account) => {
    for (const args of [PLAIN, [], PLAIN, []]) {
      const sql = "SHOW STATUS LIKE 'Ssl_version'"
      const { stdout, stderr } = await client('mysql', account, ...args, '-Ne', sql)
      expect(stderr).toBe('')
      expect(stdout).toBe(args.length > 0 ? 'Ssl_version\t\n' : 'Ssl_version\tTLSv1.3\n')
    }
  })

  test('with TLS 1.2 too', async () => {
    expect(await answers("SHOW STATUS LIKE 'Ssl_version'", '--tls-version=TLSv1.2')).toBe(
      'Ssl_version\tTLSv1.2\n',
    )
  })

  test('after a full login by the fast path, which needs no key', async () => {
    const before = await startFakeServer()
    const first = server
    server = before
    try {
      const noKey = ['--ssl-mode=DISABLED', '-Ne', 'SELECT 1']
      const refused = await client('mysql', HASHED, ...noKey)
      expect(refused.stderr).toContain('Authentication requires secure connection')
      await client('mysql', HASHED, '-Ne', 'SELECT 1')
      expect(await client('mysql', HASHED, ...noKey)).toEqual({ stdout: '1\n', stderr: '' })
    } finally {
      server = first
      await before.close()
    }
  })

  test.each([
    ['repl', 'wrong', 'YES'],
    ['hashed', 'wrong', 'YES'],
    ['who', 'wrong', 'YES'],
    ['who', '', 'NO'],
    ['repl', '', 'NO'],
  ])('not as %s with the password "%s"', async (user, password, used) => {
    for (const args of [PLAIN, []]) {
      const { stderr } = await client('mysql', [user, password], ...args, '-e', 'SELECT 1')
      expect(stderr).toBe(
        `ERROR 1045 (28000): Access denied for user '${user}'@'127.0.0.1' (using password: ${used})\n`,
      )
    }
  })

  test('without a password as a user who has none', async () => {
    const { stdout } = await client('mysql', ['nobody', ''], '-Ne', 'SELECT CURRENT_USER()')
    expect(stdout).toBe('nobody@%\n')
  })

  test('and is told when there are too many connections', async () => {
    const full = await startFakeServer({ limits: { connectionsMost: 0 } })
    const first = server
    server = full
    try {
      const { stderr } = await client('mysql', REPL, '-e', 'SELECT 1')
      expect(stderr).toBe('ERROR 1040 (HY000): Too many connections\n')
    } finally {
      server = first
      await full.close()
    }
  })
})

describe('the real client is answered', () => {
  test('about the binlogs', async () => {
    expect(await answers('SHOW BINARY LOGS')).toBe(
      'binlog.000001\t177\tNo\nbinlog.000002\t4711\tNo\n',
    )
    const status = `binlog.000002\t4711\t\t\t${EXECUTED}\n`
    expect(await answers('SHOW BINARY LOG STATUS; SHOW MASTER STATUS')).toBe(status + status)
    expect(await answers('SELECT @@gtid_executed, @@server_id, @@log_bin')).toBe(
      `${EXECUTED}\t77\t1\n`,
    )
  })

  test('by its own status command and statistics', async () => {
    const { stdout, stderr } = await client('mysql', REPL, '--commands', '-e', '\\s')
    expect(stderr).toBe('')
    expect(stdout).toMatch(/Server version:\s+9\.7\.4-kingbus Kingbus binlog server/)
    expect(stdout).toMatch(/SSL:\s+Cipher in use is TLS/)
    const admin = await client('mysqladmin', REPL, 'status')
    expect(admin.stdout).toMatch(/^Uptime: \d+ {2}Threads: 1 {2}Questions: \d+/)
    expect((await client('mysqladmin', REPL, 'ping')).stdout).toBe('mysqld is alive\n')
    expect((await client('mysqladmin', REPL, 'processlist')).stdout).toContain('show processlist')
  })

  test('with an error and a living session for what is unknown', async () => {
    const statements = 'SELECT @@nothing;\nSHOW TABLES;\nSELECT CONNECTION_ID() > 0;\n'
    const { stdout, stderr } = await client('mysql', REPL, '--force', '-N', `<${statements}`)
    expect(stdout).toBe('1\n')
    expect(stderr).toContain("ERROR 1193 (HY000) at line 1: Unknown system variable 'nothing'")
    expect(stderr).toContain('ERROR 1046 (3D000) at line 2: No database selected')
  })

  test('after a reset of the connection and a change of the database', async () => {
    expect(await answers('SET @a = 1; USE app; SELECT @a, DATABASE()')).toBe('1\tapp\n')
    expect(await answers('SET @a = 1; \\x SELECT @a', '--commands')).toBe('NULL\n')
  })

  test('and its KILL reaches another session of the same user', async () => {
    const { stderr } = await client('mysql', REPL, '-e', 'KILL 4711')
    expect(stderr).toBe('ERROR 1094 (HY000) at line 1: Unknown thread id: 4711\n')
  })
})

describe('a statement that waits', () => {
  async function connect(): Promise<Connection> {
    const account = { user: 'admin', password: 'root' }
    return await createConnection({ host: '127.0.0.1', port: server.port, ...account })
  }

  /** Begins a statement that waits until it is let go. */
  async function begin(sql: string, connection: Connection) {
    let letGo = (): void => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const reached = new Promise<void>((resolve) => {
      server.administration.setSource = () => {
        resolve()
        return gate
      }
    })
    const answered = connection.query(sql)
    await reached
    return { answered, letGo }
  }

  const CHANGE = "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 's3cret', SOURCE_PORT = 1"

  test('holds up nobody, and shows others no password', async () => {
    const [changing, watching] = await Promise.all([connect(), connect()])
    const { answered, letGo } = await begin(CHANGE, changing)
    const [list] = await watching.query<RowDataPacket[]>('SHOW FULL PROCESSLIST')
    const [short] = await watching.query<RowDataPacket[]>(
      "SELECT INFO FROM information_schema.processlist WHERE INFO LIKE 'CHANGE%'",
    )
    letGo()
    await answered
    const masked = CHANGE.replace("'s3cret'", "'<secret>'")
    expect(list.map(({ Info }) => String(Info))).toContain(masked)
    expect(short).toEqual([{ INFO: masked }])
    await Promise.all([changing.end(), watching.end()])
  })

  test('is ended by KILL, and its session with it', async () => {
    const [changing, watching] = await Promise.all([connect(), connect()])
    const { answered, letGo } = await begin(CHANGE, changing)
    const over = answered.then(
      () => 'answered',
      () => 'closed',
    )
    await watching.query('KILL ?', [changing.threadId])
    expect(await over).toBe('closed')
    letGo()
    const [left] = await watching.query<RowDataPacket[]>('SHOW PROCESSLIST')
    expect(left).toHaveLength(1)
    await watching.end()
  })

  const WAIT = "SELECT WAIT_FOR_EXECUTED_GTID_SET('24bc7850-2c16-11e6-a073-0242ac110001:1-100')"

  async function waitingSessions(watching: Connection): Promise<RowDataPacket[]> {
    const sql = "SELECT ID FROM information_schema.processlist WHERE INFO LIKE 'SELECT WAIT%'"
    const [found] = await watching.query<RowDataPacket[]>(`${sql} AND ID <> CONNECTION_ID()`)
    return found
  }

  test('is ended by KILL QUERY, and its session goes on', async () => {
    const [waiting, watching] = await Promise.all([connect(), connect()])
    const answered = expect(waiting.query(WAIT)).rejects.toMatchObject({ errno: 1317 })
    const what = 'the statement to wait'
    await waitFor({ what }, async () => (await waitingSessions(watching)).length === 1)
    await watching.query('KILL QUERY ?', [waiting.threadId])
    await answered
    expect((await waiting.query<RowDataPacket[]>('SELECT 1 AS one'))[0]).toEqual([{ one: 1 }])
    await Promise.all([waiting.end(), watching.end()])
  })

  test('ends with its client', async () => {
    const [leaving, watching] = await Promise.all([connect(), connect()])
    leaving.query(WAIT).catch(() => {})
    const waited = async (): Promise<number> => (await waitingSessions(watching)).length
    await waitFor({ what: 'the statement to wait' }, async () => (await waited()) === 1)
    leaving.destroy()
    await waitFor({ what: 'the session to end' }, async () => (await waited()) === 0)
    await watching.end()
  })
})

describe('the events of a file', () => {
  test('come row by row, from a place, and as many as are wanted', async () => {
    const all = (await answers("SHOW BINLOG EVENTS IN 'binlog.000006'")).split('\n')
    expect(all.length).toBeGreaterThan(20)
    expect(await answers('SHOW BINLOG EVENTS LIMIT 1')).toBe(
      'binlog.000002\t4\tFormat_desc\t1\t127\tServer ver: 9.7.4-2, Binlog ver: 4\n',
    )
    const rest = await answers("SHOW BINLOG EVENTS IN 'binlog.000006' FROM 442 LIMIT 1, 2")
    expect(rest).toBe(`${all.slice(4, 6).join('\n')}\n`)
  })

  test.each([
    ["SHOW BINLOG EVENTS IN 'binlog.000001'", 'ERROR 1220 (HY000)'],
    ["SHOW BINLOG EVENTS FROM 'x'", 'ERROR 1064 (42000)'],
  ])('are refused where there are none: %s', async (sql, error) => {
    expect((await client('mysql', REPL, '-e', sql)).stderr).toContain(error)
  })

  test('are for those alone who may replicate', async () => {
    const { stderr } = await client('mysql', ['admin', 'root'], '-e', 'SHOW BINLOG EVENTS')
    expect(stderr).toContain('ERROR 1227 (42000)')
  })
})
