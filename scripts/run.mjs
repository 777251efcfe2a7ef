/*
  node scripts/run.mjs check|test|interop|bench|demo|soak [ARGS]

  Does what set-up is missing (dependencies, build, a real MySQL and etcd), says so, and runs the thing asked
  for. Plain JavaScript without dependencies, since it must run before there are any.
*/
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const countsFile = join(root, '.cache', 'test-counts.json')
const nodeOldest = [20, 19]
/** Of one run; more is no single slow moment of the machine. */
const triedAgainMost = 2

/** Runs a program of the project in the foreground; its exit code, 1 where a signal ended it. */
function run(program, args) {
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(':')
  const result = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  })
  if (result.error) console.error(`${program}: ${result.error.message}`)
  return result.status ?? 1
}

function fail(message) {
  console.error(`\n${message}`)
  process.exit(1)
}

/** One announced step: its name before, the time it took behind. */
function step(name, work) {
  console.log(`\n== ${name}`)
  const began = performance.now()
  const code = work()
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  console.log(`== ${name}: ${code === 0 ? 'done' : `FAILED (exit code ${code})`}, ${seconds} s`)
  return code
}

const modifiedMs = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0)

/** The latest change of any file below `folder`, tests left out. */
function newestMs(folder) {
  let newest = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.name.endsWith('.test.ts')) continue
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path) : modifiedMs(path))
  }
  return newest
}

function setUpDependencies() {
  const installed = modifiedMs(join(root, 'node_modules', '.package-lock.json'))
  if (installed > 0 && installed >= modifiedMs(join(root, 'package-lock.json'))) return
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  if (step('dependencies (npm ci)', () => run('npm', args)) === 0) return
  fail(
    'the dependencies of package-lock.json could not be installed from the npm registry that ' +
      '`npm config get registry` names (reasons above); set another one, or bring node_modules along',
  )
}

function setUpBuild() {
  const stamp = join(root, 'dist', '.tsbuildinfo')
  const sources = [newestMs(join(root, 'src'))]
  for (const name of ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json']) {
    sources.push(modifiedMs(join(root, name)))
  }
  if (modifiedMs(stamp) >= Math.max(...sources)) return
  if (step('build (tsc)', () => run('npm', ['run', '--silent', 'build'])) !== 0) {
    fail('the build found errors (above)')
  }
}

/** Servers and other programs of the tests: where a user's own are, what must be in that folder, who fetches others. */
const servers = {
  mysql: { variable: 'KINGBUS_MYSQL_DIR', programs: ['mysqld', 'mysql', 'mysqlbinlog'] },
  etcd: { variable: 'KINGBUS_ETCD_DIR', programs: ['etcd'] },
  mariadb: {
    variable: 'KINGBUS_MARIADB_DIR',
    programs: ['mariadbd', 'mariadb', 'mariadb-binlog'],
  },
  xfsprogs: { variable: 'KINGBUS_XFSPROGS_DIR', programs: ['mkfs.xfs', 'xfs_io'] },
  nftables: { variable: 'KINGBUS_NFTABLES_DIR', programs: ['nft'] },
}

function setUpServer(server, title) {
  const { variable, programs } = servers[server]
  const own = process.env[variable]
  if (own) {
    for (const name of programs) {
      if (!existsSync(join(own, 'bin', name))) fail(`${variable}: ${own}/bin/${name} is missing`)
    }
    return
  }
  if (existsSync(join(root, '.cache', server, '.complete'))) return
  const name = `${title} into .cache/${server} (once)`
  if (step(name, () => run(join(root, 'scripts', `get-${server}`), [])) !== 0) {
    fail(`no ${title}, so nothing with real servers can run (what to do: above)`)
  }
}

const setUpMysql = () => setUpServer('mysql', 'MySQL 9.7')
const setUpEtcd = () => setUpServer('etcd', 'etcd')
const setUpMariadb = () => setUpServer('mariadb', 'MariaDB 10.11')

/** Only root can mount what they make; the tests of power loss say so. */
function setUpXfsprogs() {
  if (process.getuid() === 0) setUpServer('xfsprogs', 'xfsprogs')
}

/** Only root can make the namespaces that it is used in; what needs them says so. */
function setUpNftables() {
  if (process.getuid() === 0) setUpServer('nftables', 'nftables')
}

/** What counts-reporter.ts left of one run; a run that left nothing counts as one failure. */
function takeCounts() {
  if (!existsSync(countsFile)) return { passed: 0, failed: 1, skipped: 0 }
  const { counts, triedAgain } = JSON.parse(readFileSync(countsFile, 'utf8'))
  rmSync(countsFile)
  for (const test of triedAgain) console.log(`\npassed only when it was tried again: ${test}`)
  if (triedAgain.length <= triedAgainMost) return counts
  console.log(
    `\nmore than ${triedAgainMost} tests had to be tried again, which counts as a failure`,
  )
  return { ...counts, failed: counts.failed + triedAgain.length }
}

function vitest(projects, args) {
  mkdirSync(dirname(countsFile), { recursive: true })
  rmSync(countsFile, { force: true })
  const selected = projects.flatMap((name) => ['--project', name])
  const reporters = ['--reporter', 'default', '--reporter', './scripts/counts-reporter.ts']
  return run('vitest', ['run', ...selected, ...reporters, ...args])
}

/** Runs each step whatever became of the ones before, and ends with the closing line. */
function runAll(steps) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  let worst = 0
  for (const { name, work, hasCounts } of steps) {
    const code = step(name, work)
    worst = Math.max(worst, code)
    const counts = hasCounts ? takeCounts() : { [code === 0 ? 'passed' : 'failed']: 1 }
    for (const [kind, count] of Object.entries(counts)) total[kind] += count
  }
  if (total.skipped > 0) console.log('\nsomething was skipped, which counts as a failure here')
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return worst === 0 && total.failed === 0 && total.skipped === 0 ? 0 : 1
}

const checkSteps = [
  { name: 'format', work: () => run('biome', ['ci', '--linter-enabled=false', '.']) },
  { name: 'lint', work: () => run('oxlint', ['--type-aware', '--deny-warnings']) },
  { name: 'unused code', work: () => run('knip', []) },
  { name: 'types', work: () => run('tsc', ['--noEmit', '-p', 'tsconfig.json']) },
  {
    name: 'layers, unit, property, golden and fuzz tests',
    work: () => vitest(['project', 'unit', 'golden', 'fuzz'], []),
    hasCounts: true,
  },
  {
    name: 'simulation: 500 seeds of one node, 500 of a cluster, 30 of its whole nodes',
    work: () => vitest(['simulation'], []),
    hasCounts: true,
  },
]

// One file after another: each starts servers of its own, and times are asserted.
const e2eStep = {
  name: 'end to end with real servers',
  work: () => vitest(['e2e'], ['--no-file-parallelism']),
  hasCounts: true,
}

const commands = {
  check() {
    return runAll(checkSteps)
  },
  test(args) {
    setUpBuild()
    setUpMysql()
    setUpEtcd()
    setUpMariadb()
    setUpXfsprogs()
    setUpNftables()
    if (args.length === 0) return runAll([...checkSteps, e2eStep])
    // With arguments only the tests that they name: `npm test -- test/e2e/silent-peers.test.ts`.
    const work = () => vitest(['project', 'unit', 'golden', 'fuzz', 'simulation', 'e2e'], args)
    return runAll([{ name: 'tests', work, hasCounts: true }])
  },
  interop(args) {
    setUpBuild()
    setUpMysql()
    const title = 'foreign clients into .cache/interop'
    const code = step(title, () => run('tsx', ['test/interop/prepare.ts', ...args]))
    const work = () => vitest(['interop'], [])
    const name = 'foreign clients: those that could be had'
    const worst = Math.max(code, runAll([{ name, work, hasCounts: true }]))
    const prepared = JSON.parse(readFileSync(join(root, '.cache/interop/prepared.json'), 'utf8'))
    for (const { title, state, reason } of prepared) {
      if (state === 'unavailable') console.log(`not run: ${title}: ${reason}`)
    }
    return worst
  },
  demo(args) {
    setUpBuild()
    setUpMysql()
    if (args.includes('--cluster')) setUpEtcd()
    return run('tsx', ['scripts/demo.ts', ...args])
  },
  soak(args) {
    setUpBuild()
    setUpMysql()
    if (['faults', 'kill-points', 'power-loss'].includes(args[0])) setUpEtcd()
    if (args[0] === 'power-loss') setUpXfsprogs()
    if (args[0] === 'faults') setUpNftables()
    return run('tsx', ['scripts/soak.ts', ...args])
  },
  bench(args) {
    setUpBuild()
    setUpMysql()
    setUpNftables()
    return run('tsx', ['benchmarks/run.ts', ...args])
  },
}

const [name, ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined
if (!command) fail(`usage: node scripts/run.mjs ${Object.keys(commands).join('|')} [ARGS]`)
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < nodeOldest[0] || (major === nodeOldest[0] && minor < nodeOldest[1])) {
  fail(`Node ${nodeOldest.join('.')} or newer is needed, this is ${process.versions.node}`)
}
setUpDependencies()
process.exit(command(args))
