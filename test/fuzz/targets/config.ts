import { loadConfig, readUsersFile } from '../../../src/config/index.ts'
import { OperationalError } from '../../../src/lib/index.ts'
import { type Disk, systemDisk } from '../../../src/platform/index.ts'
import { require, type Target } from '../target.ts'

const WORDS = [
  '- ',
  ': ',
  '&a ',
  '*a',
  '[',
  ']',
  '{',
  '}',
  '? ',
  '| ',
  '> ',
  '!!binary ',
  '!!js/function ',
  '<<: ',
  '"',
  "'",
  '#',
  '\n',
  '  ',
  'source',
  'name',
  'url',
  'null',
  '~',
  '.inf',
  '-1',
  '1e999',
  '99999999999999999999',
  '__proto__',
  'constructor',
  '---\n',
  '%YAML 1.1\n',
]

/** These files are the operator's own: that YAML of 100 KB in one line takes seconds is no stranger's means. */
const BYTES_MOST = 4096

/** A disk on which every file holds these bytes, and only its owner may read it. */
function diskOf(bytes: Buffer): Disk {
  return {
    ...systemDisk,
    attributes: async () => ({
      mode: 0o600,
      size: bytes.length,
      modifiedMs: 0,
      ownerId: process.getuid?.() ?? 0,
      isFolder: false,
      isFile: true,
    }),
    readFile: async () => bytes,
  }
}

const CONFIG = `name: one
data-dir: /var/lib/kingbus
source:
  url: mysql://repl@db.example:3306
  start-at: 24bc7850-2c16-11e6-a073-0242ac110001:1-5
serve.listen: 127.0.0.1:3390
retention: {max-size: 10GiB, max-age: 7d}
cluster:
  peer-url: http://127.0.0.1:9600
  initial-cluster: one=http://127.0.0.1:9600,two=https://b.example:9600
  secret-file: /etc/kingbus/secret
  heartbeat-interval: 50ms
log:
  level: &level info
  format: *level
`
const USERS = `- {name: repl, password: secret, rights: [replicate]}
- name: hashed
  password-hash: "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
  rights: [monitor, administer]
`

const refuses = (thrown: unknown): boolean => thrown instanceof OperationalError

export const configTargets: readonly Target[] = [
  {
    name: 'config-file',
    covers: [],
    seeds: () => [Buffer.from(CONFIG.replace('format: *level', 'format: json'))],
    words: WORDS,
    bytesMost: BYTES_MOST,
    async run(input) {
      const source = { file: '/kingbus.yaml', environment: {}, flags: new Map() }
      const { config } = await loadConfig(diskOf(input), source)
      require(config['data-dir'] !== '', 'a configuration that is taken is whole')
    },
    refuses,
  },
  {
    name: 'users-file',
    covers: [],
    seeds: () => [Buffer.from(USERS)],
    words: WORDS,
    bytesMost: BYTES_MOST,
    async run(input) {
      const users = await readUsersFile(diskOf(input), '/users.yaml')
      const names = new Set(users.map(({ name }) => name))
      require(names.size === users.length, 'no user is there twice')
    },
    refuses,
  },
]
