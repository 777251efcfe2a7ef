import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ClientAuthority } from '../../src/serve/testing/client-authority.ts'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { mysqlbinlog } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder, mysqlProgram } from './harness/project.ts'
import { Replica } from './harness/replica.ts'

const PASSWORD = 'local password'
const SUBJECT = '/O=Example/CN=replica1'

let folder: string
let source: Mysqld
let kingbus: Kingbus
let authority: ClientAuthority

beforeAll(async () => {
  folder = makeRunFolder('logins')
  authority = await ClientAuthority.make('CN=our CA')
  const authorityFile = join(folder, 'ca.pem')
  writeFileSync(authorityFile, authority.certificate)
  source = await Mysqld.start({ serverId: 1 })
  kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'serve-client-ca-file': authorityFile },
  })
  await source.sql(
    'CREATE DATABASE d',
    'CREATE TABLE d.t (id INT PRIMARY KEY)',
    'INSERT INTO d.t VALUES (1)',
    "SET gtid_next = 'AUTOMATIC:a_tag'",
    'INSERT INTO d.t VALUES (2)',
    "SET gtid_next = 'AUTOMATIC'",
    'FLUSH BINARY LOGS',
    'INSERT INTO d.t VALUES (3)',
  )
  await kingbus.catchUpWith(source)
  const user = { password: PASSWORD, rights: ['replicate'] }
  const users = '/api/v1/users'
  await kingbus.request('POST', users, { ...user, name: 'named', requireSubject: SUBJECT })
  await kingbus.request('POST', users, { ...user, name: 'secure', requireTls: true })
  await kingbus.request('POST', users, { ...user, name: 'untagged', taggedGtids: 'hidden' })
})
afterAll(endEverything)

/** Files of a certificate and its key. */
async function certificateFiles(subject: string): Promise<{ cert: string; key: string }> {
  const { certificate, key } = await authority.issue(subject)
  const name = subject.replaceAll(/\W/g, '')
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  writeFileSync(files.cert, certificate)
  writeFileSync(files.key, key)
  return files
}

/** What the real client prints, to either output. */
function mysql(user: string, password: string, ...args: readonly string[]): Promise<string> {
  const address = ['--no-defaults', '--host=127.0.0.1', `--port=${kingbus.port}`]
  const account = [`--user=${user}`, `--password=${password}`]
  return new Promise((resolve) => {
    const given = [...address, ...account, ...args, '-Ne', 'SELECT CURRENT_USER()']
    execFile(mysqlProgram('mysql'), given, (_, stdout, stderr) => {
      resolve(stdout + stderr.replace(/^\S+ \[Warning\].*\n/gm, ''))
    })
  })
}

async function attach(replica: Replica, clauses: readonly string[]): Promise<void> {
  const address = [`SOURCE_HOST='127.0.0.1'`, `SOURCE_PORT=${kingbus.port}`]
  const all = [...address, `SOURCE_PASSWORD='${PASSWORD}'`, 'SOURCE_AUTO_POSITION=1', ...clauses]
  await replica.server.sql(
    'STOP REPLICA',
    `CHANGE REPLICATION SOURCE TO ${all.join(', ')}`,
    'START REPLICA',
  )
}

test('a real replica is let in by the certificate that its user needs, and by no other', async () => {
  const replica = new Replica(await Mysqld.start({ serverId: 2 }))
  await attach(replica, [`SOURCE_USER='named'`, 'SOURCE_SSL=1'])
  expect((await replica.waitForReceiverError()).words).toMatch(/Access denied for user 'named'/)
  const other = await certificateFiles('O=Example, CN=replica2')
  const clauses = ({ cert, key }: typeof other): string[] => [
    `SOURCE_USER='named'`,
    'SOURCE_SSL=1',
    `SOURCE_SSL_CERT='${cert}'`,
    `SOURCE_SSL_KEY='${key}'`,
  ]
  await attach(replica, clauses(other))
  expect((await replica.waitForReceiverError()).words).toMatch(/Access denied for user 'named'/)
  await attach(replica, clauses(await certificateFiles('O=Example, CN=replica1')))
  await replica.catchUpWith(source)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  expect(readFileSync(kingbus.logFile, 'utf8')).toContain(
    'the certificate is of /O=Example/CN=replica2, not of /O=Example/CN=replica1',
  )
})

test('the real client needs TLS, and the certificate, where its user does', async () => {
  const { cert, key } = await certificateFiles('O=Example, CN=replica1')
  const shown = [`--ssl-cert=${cert}`, `--ssl-key=${key}`]
  const plain = ['--ssl-mode=DISABLED', '--get-server-public-key']
  expect(await mysql('secure', PASSWORD)).toBe('secure@%\n')
  expect(await mysql('secure', PASSWORD, ...plain)).toMatch(/^ERROR 1045 \(28000\)/)
  expect(await mysql('named', PASSWORD, ...shown)).toBe('named@%\n')
  expect(await mysql('named', PASSWORD, ...shown, '--tls-version=TLSv1.2')).toBe('named@%\n')
  expect(await mysql('named', PASSWORD)).toMatch(/^ERROR 1045 \(28000\)/)
})

/** What mysqlbinlog prints of all files, by file and position. */
async function printed(user: string, password: string): Promise<string> {
  const [first] = await source.binlogs()
  return await mysqlbinlog(
    '--read-from-remote-source=BINLOG-DUMP-NON-GTIDS',
    '--verify-binlog-checksum',
    '--to-last-log',
    '--host=127.0.0.1',
    `--port=${kingbus.port}`,
    `--user=${user}`,
    `--password=${password}`,
    first?.name ?? '',
  )
}

test('mysqlbinlog finds every event at its place where tags are hidden, and no tag', async () => {
  const [whole, hidden] = [
    await printed(replicationUser, replicationPassword),
    await printed('untagged', PASSWORD),
  ]
  const places = (text: string): string[] => text.match(/^# at \d+$/gm) ?? []
  expect(places(hidden)).toEqual(places(whole))
  const ends = (text: string): string[] => text.match(/end_log_pos \d+/g) ?? []
  expect(ends(hidden)).toEqual(ends(whole))
  expect(whole).toContain(':a_tag:1')
  expect(hidden).not.toContain('a_tag')
  expect(hidden).not.toContain('Previous-GTIDs')
  expect(hidden.match(/Write_rows/g)?.length).toBe(whole.match(/Write_rows/g)?.length)
})

test('a real replica is refused where tags are hidden, and stops with the reason', async () => {
  const replica = new Replica(await Mysqld.start({ serverId: 3 }))
  await attach(replica, [`SOURCE_USER='untagged'`, 'SOURCE_SSL=1'])
  const { number, words } = await replica.waitForReceiverError()
  expect(number).toBe(13114)
  expect(words).toMatch(/'untagged' has tagged GTIDs hidden .*: let it log in as another user/)
})

test('a host that guesses passwords is told how long it is blocked; 127.0.0.1 goes on', async () => {
  const from = '--bind-address=127.0.0.2'
  const answers: string[] = []
  for (let count = 0; count < 21; count += 1) answers.push(await mysql('secure', 'guess', from))
  expect(answers.slice(0, 20).filter((text) => !text.startsWith('ERROR 1045'))).toEqual([])
  expect(answers[20]).toMatch(
    /^ERROR 1129 \(HY000\): Host '127\.0\.0\.2' is blocked .* \d+ seconds\n$/,
  )
  expect(await mysql('secure', PASSWORD, from)).toMatch(/^ERROR 1129/)
  expect(await mysql('secure', PASSWORD)).toBe('secure@%\n')
})
