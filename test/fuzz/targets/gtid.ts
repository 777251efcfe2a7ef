import {
  formatGtid,
  GtidSet,
  mariadbOriginParts,
  newestOfDomains,
  parseMariadbPosition,
} from '../../../src/mysql/index.ts'
import { parseGtidOwned } from '../../../src/source/gtid-owned.ts'
import { eventsOf, fixture } from '../../captured-files.ts'
import { BINLOG_FIXTURES } from '../corpus.ts'
import { require, type Target } from '../target.ts'

const TEXTS = [
  '24bc7850-2c16-11e6-a073-0242ac110001:1-77:tag:5',
  '24bc7850-2c16-11e6-a073-0242ac110001:1-3:5:7-9,\n90b578d4-e6e1-11f1-82c0-02fc00000001:a:1:b_2:4-6',
  '{24bc7850-2c16-11e6-a073-0242ac110001}:9223372036854775806, ,24bc78502c1611e6a0730242ac110001:5-1',
  '0-11-4,7-12-1',
  '',
]

const WORDS = [
  '0',
  '1',
  '5-1',
  '1-9',
  '9223372036854775806',
  '9223372036854775807',
  '00',
  ':',
  ',',
  '-',
  '#7',
  ' ',
  '{',
  '}',
  '24bc7850-2c16-11e6-a073-0242ac110001',
  '24BC78502C1611E6A0730242AC110001',
  '0-1-',
  '4294967295-4294967296-',
  'tag',
  '_',
  'x'.repeat(33),
]

function checkSet(set: GtidSet): void {
  // What is left of MariaDB's when some are taken away has a text for people only.
  const isState = !set.toString().includes('..')
  require(!isState || GtidSet.parse(set.toString()).equals(set), 'a set is what its text says')
  require(GtidSet.decode(set.encode()).equals(set), 'a set is what its encoding says')
  require(set.subtract(set).isEmpty, 'a set less itself is empty')
  require(set.union(set).equals(set) && set.contains(set), 'a set with itself is itself')
  require((set.count() === 0n) === set.isEmpty, 'only an empty set counts nothing')
}

export const gtidTargets: readonly Target[] = [
  {
    name: 'gtid-set-text',
    covers: ['GtidSet'],
    seeds: () => TEXTS.map((text) => Buffer.from(text)),
    words: WORDS,
    run: (input) => checkSet(GtidSet.parse(input.toString('latin1'))),
  },
  {
    name: 'gtid-set',
    covers: ['GtidSet'],
    seeds: () => [
      ...TEXTS.map((text) => GtidSet.parse(text).encode()),
      ...BINLOG_FIXTURES.flatMap((name) => eventsOf(fixture(name)))
        .filter((event) => event[4] === 35)
        .map((event) => event.subarray(19, -4)),
    ],
    run: (input) => checkSet(GtidSet.decode(input)),
  },
  {
    name: 'mariadb-position',
    covers: ['parseMariadbPosition', 'newestOfDomains', 'mariadbOriginParts'],
    seeds: () => ['0-11-4', '7-12-1,0-11-4', ''].map((text) => Buffer.from(text)),
    words: WORDS,
    run(input) {
      for (const { origin, gno } of parseMariadbPosition(input.toString('latin1'))) {
        const set = GtidSet.empty()
        set.add({ origin, gno })
        const { domain } = mariadbOriginParts(origin)
        require(newestOfDomains(set).startsWith(`${domain}-`), 'a domain is what its text says')
      }
    },
  },
  {
    name: 'gtid-owned',
    covers: [],
    seeds: () => [
      Buffer.from(''),
      Buffer.from('24bc7850-2c16-11e6-a073-0242ac110001:5#7:6#8'),
      Buffer.from(
        '24bc7850-2c16-11e6-a073-0242ac110001:tag:5#7:6#890b578d4-e6e1-11f1-82c0-02fc00000001:1#2',
      ),
    ],
    words: WORDS,
    run: (input) => checkSet(parseGtidOwned(input.toString('latin1'))),
  },
  {
    name: 'gtid-text',
    covers: ['formatGtid'],
    seeds: () => TEXTS.map((text) => Buffer.from(text)),
    run(input) {
      // What one GTID is written as must be a set of that one GTID.
      const gno = input.length > 8 ? (input.readBigUInt64LE(0) >> 2n) + 1n : 1n
      const gtid = { origin: '24bc7850-2c16-11e6-a073-0242ac110001', gno }
      const set = GtidSet.parse(formatGtid(gtid))
      require(set.has(gtid) && set.count() === 1n, 'a GTID is what its text says')
    },
  },
]
