/*
  The one table of settings. Flags, environment variables, the YAML file, `config init`, `--help` and
  docs/reference/config.md are all derived from it. Every value is text first, whatever it comes from,
  so that one schema reads it.
*/
import { z } from 'zod'
import { addressSchema, candidatesSchema, sourceUrlSchema } from './address.ts'
import {
  endpointsSchema,
  httpsUrlSchema,
  initialClusterSchema,
  nodeNameSchema,
  peerUrlSchema,
} from './cluster/urls.ts'
import {
  durationSchema,
  millisecondsSchema,
  rateSchema,
  sizeSchema,
  wholeSecondsSchema,
} from './quantities.ts'
import { startAtSchema } from './start-at.ts'

export interface KeySpec {
  readonly schema: z.ZodType<unknown, string>
  /** what stands for the value in help texts */
  readonly placeholder: string
  /** as it would be written in the file; undefined when the key may be absent */
  readonly fallback: string | undefined
  /** what happens without a value, where `fallback` does not say it */
  readonly otherwise?: string
  /** one or two sentences, without a final stop */
  readonly help: string
  /** a shorter flag beside the one made of the name */
  readonly shortFlag?: string
  /** the flag alone, without a value, means this */
  readonly bareFlag?: string
}

const ADDRESS = { schema: addressSchema, placeholder: 'HOST:PORT' }
const FILE = { schema: z.string(), placeholder: 'FILE', fallback: undefined }

/** A closed choice; the placeholder lists it. */
function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return {
    schema: z.string().pipe(z.enum(values, `must be one of ${values.join(', ')}`)),
    placeholder: values.join('|'),
  }
}

/** A flag that needs no value; off by default. */
const SWITCH = {
  schema: z
    .string()
    .pipe(z.enum(['true', 'false'], 'must be true or false'))
    .transform((text) => text === 'true'),
  placeholder: 'true|false',
  fallback: 'false',
  bareFlag: 'true',
}

export const TLS_MODES = [
  'disabled',
  'preferred',
  'required',
  'verify-ca',
  'verify-identity',
] as const

const MILLISECONDS = { schema: millisecondsSchema, placeholder: 'MILLISECONDS' }
const HTTPS_URL = {
  schema: httpsUrlSchema,
  placeholder: 'https://HOST:PORT',
  fallback: undefined,
}

const replicaCountSchema = z
  .string()
  .regex(/^\d{1,3}$/, 'must be a whole number from 0 to 100')
  .transform(Number)
  .pipe(z.number().max(100))

const SERVER_ID = {
  schema: z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(4_294_967_295)),
  placeholder: 'NUMBER',
  fallback: undefined,
  otherwise: 'made at the first start and kept in the data directory',
}

const SERVER_UUID = {
  schema: z
    .string()
    .toLowerCase()
    .pipe(z.guid({ error: 'must be a UUID such as 1b4e28ba-2fa1-11d2-883f-0016d3cca427' })),
  placeholder: 'UUID',
  fallback: undefined,
  otherwise: 'made at the first start and kept in the data directory',
}

const KEYS = {
  name: {
    schema: nodeNameSchema,
    placeholder: 'NAME',
    fallback: 'kingbus',
    help: 'The name of this node in its status and logs',
  },
  'data-dir': {
    schema: z.string().min(1),
    placeholder: 'FOLDER',
    fallback: 'kingbus-data',
    help: 'Where the binlog files and all else that is kept are; made when absent',
  },
  'server-id': { ...SERVER_ID, help: 'The server_id that replicas see' },
  'server-uuid': { ...SERVER_UUID, help: 'The server_uuid that replicas see' },
  'source.url': {
    schema: sourceUrlSchema,
    placeholder: 'mysql://USER@HOST[:PORT]',
    fallback: undefined,
    otherwise: 'no source: only what is stored already is served',
    help: 'The MySQL server whose binlog is kept; never with a password in it',
    shortFlag: 'source',
  },
  'source.password-file': {
    ...FILE,
    otherwise: 'the variable `KINGBUS_SOURCE_PASSWORD`, else an empty password',
    help: 'A file with the password for the source; only its owner may read it',
  },
  'source.tls': {
    ...choice(TLS_MODES),
    fallback: 'preferred',
    help: 'TLS towards the source, as in the --ssl-mode of the mysql client',
  },
  'source.ca-file': {
    ...FILE,
    otherwise: 'the authorities that Node.js knows',
    help: 'PEM file with the authorities that may have signed the certificate of the source',
  },
  'source.start-at': {
    schema: startAtSchema,
    placeholder: 'oldest|newest|GTIDSET',
    fallback: 'oldest',
    help:
      'Where to begin in the binlog of a source that is met for the first time: with its oldest ' +
      'file, behind all it has executed, or behind a GTID set',
  },
  'source.semi-sync': {
    ...SWITCH,
    help:
      'Be a semi-synchronous replica: the source answers its clients only when their transactions ' +
      'are durable here; the source needs its semi-sync plugin',
  },
  'source.candidates': {
    schema: candidatesSchema,
    placeholder: 'HOST[:PORT],...',
    fallback: undefined,
    otherwise: 'no other server is followed by itself',
    help:
      'Servers of which one is followed when the source has been unreachable for source.failover-after, if ' +
      'it is the only one of them that takes writes and it has all that is stored here; user, password and ' +
      'TLS are those of the source. In a cluster the same on every node',
  },
  'source.failover-after': {
    schema: durationSchema,
    placeholder: 'DURATION',
    fallback: '30s',
    help: 'So long the source must have been unreachable before one of source.candidates is followed',
  },
  'source.server-id': { ...SERVER_ID, help: 'The server_id by which this node shows itself there' },
  'source.server-uuid': {
    ...SERVER_UUID,
    help: 'The server_uuid by which this node shows itself to the source',
  },
  'serve.listen': {
    ...ADDRESS,
    fallback: '127.0.0.1:3390',
    help: 'Where replicas connect, by the MySQL protocol',
    shortFlag: 'listen',
  },
  'serve.users-file': {
    ...FILE,
    otherwise: '`users.yaml` in the data directory',
    help: 'The users who may connect; `kingbus user add` writes it, a running node reads it again',
  },
  'serve.cert-file': {
    ...FILE,
    otherwise: 'a certificate made at the first start and kept in the data directory',
    help: 'PEM certificate (chain) shown to replicas; needs serve.key-file',
  },
  'serve.key-file': { ...FILE, help: 'PEM private key of serve.cert-file' },
  'serve.client-ca-file': {
    ...FILE,
    otherwise: 'clients are not asked for certificates',
    help:
      'PEM file with the authorities that may have signed the certificates of clients; which users ' +
      'need one is said in the users file',
  },
  'serve.wait-for-replicas': {
    schema: replicaCountSchema,
    placeholder: 'NUMBER',
    fallback: '0',
    help:
      'With source.semi-sync: the source is told of a transaction only when so many semi-sync replicas of this ' +
      'node have acknowledged it, too',
  },
  'serve.metadata': {
    ...choice(['off', 'pass-through']),
    fallback: 'off',
    help:
      'What becomes of a question about tables (SHOW CREATE TABLE, information_schema.COLUMNS, ...): ' +
      'refused, or answered by the source',
  },
  'serve.metadata-user': {
    schema: z.string().min(1),
    placeholder: 'USER',
    fallback: undefined,
    otherwise: 'needed with serve.metadata: pass-through',
    help:
      'The user at the source that such questions are asked as; what it may see is what every client ' +
      'may see',
  },
  'serve.metadata-password-file': {
    ...FILE,
    otherwise: 'an empty password',
    help: 'A file with the password of serve.metadata-user; only its owner may read it',
  },
  'admin.listen': {
    ...ADDRESS,
    fallback: '127.0.0.1:9595',
    help: 'Where the HTTP API listens; off loopback it needs admin.token-file and TLS',
  },
  'admin.token-file': {
    ...FILE,
    otherwise: 'no token is asked for on loopback; another address is refused',
    help: 'A file with the token (16 characters or more) that callers of the HTTP API must bring',
  },
  'admin.cert-file': {
    ...FILE,
    otherwise: 'plain HTTP on loopback; another address is refused',
    help: 'PEM certificate (chain) of the HTTP API; needs admin.key-file',
  },
  'admin.key-file': { ...FILE, help: 'PEM private key of admin.cert-file' },
  'retention.max-size': {
    schema: sizeSchema,
    placeholder: 'SIZE',
    fallback: undefined,
    otherwise: 'unlimited',
    help: 'Remove the oldest binlog files when all together are larger',
  },
  'retention.max-age': {
    schema: durationSchema,
    placeholder: 'DURATION',
    fallback: undefined,
    otherwise: 'unlimited',
    help: 'Remove binlog files whose newest event is older',
  },
  'retention.keep-for-absent-replicas': {
    schema: durationSchema,
    placeholder: 'DURATION',
    fallback: '24h',
    help:
      'What a replica (one with a server_uuid) that is away still needs is kept so long, whatever the ' +
      'two limits say',
  },
  'retention.ceiling': {
    schema: sizeSchema,
    placeholder: 'SIZE',
    fallback: undefined,
    otherwise: 'what is over the limits goes before less than disk.min-free is free',
    help: 'What the binlog files may ever take, whichever replica that is away still needs them',
  },
  'disk.min-free': {
    schema: sizeSchema,
    placeholder: 'SIZE',
    fallback: undefined,
    otherwise: 'the larger of 1 GiB and 5 % of the disk',
    help: 'Reading from the source pauses while less is free on the disk; serving goes on',
  },
  'scrub.rate': {
    schema: rateSchema,
    placeholder: 'SIZE|off',
    fallback: '4MiB',
    help:
      'So many bytes a second of the stored files and their indexes are compared with what was stored, one ' +
      'round after the other; off: only what is read for somebody is',
  },
  'cluster.peer-url': {
    schema: peerUrlSchema,
    placeholder: 'https://HOST:PORT',
    fallback: undefined,
    otherwise: 'this node is alone, and part of no cluster',
    help:
      'Where the other nodes of the cluster reach this one; it listens there. http:// is for ' +
      'loopback only',
  },
  'cluster.initial-cluster': {
    schema: initialClusterSchema,
    placeholder: 'NAME=URL,NAME=URL',
    fallback: undefined,
    otherwise: 'needed with cluster.peer-url',
    help:
      'The nodes that the cluster begins with, or is joined by, each with its cluster.peer-url; ' +
      'this one is among them (an observer need not be)',
  },
  'cluster.initial-cluster-state': {
    ...choice(['new', 'existing']),
    fallback: 'new',
    help:
      'Whether these nodes make a new cluster, or this one joins theirs; without effect once the ' +
      'data directory is part of a cluster',
  },
  'cluster.secret-file': {
    ...FILE,
    otherwise: 'needed with cluster.peer-url',
    help:
      'A file with the secret (16 characters or more) that all nodes share, and by which they know ' +
      'each other; only its owner may read it',
  },
  'cluster.heartbeat-interval': {
    ...MILLISECONDS,
    fallback: '100',
    help: 'How often the leader of etcd says that it is there; about the time of a round trip',
  },
  'cluster.election-timeout': {
    ...MILLISECONDS,
    fallback: '1000',
    help: 'So long without one, a new leader of etcd is elected; at least 5 heartbeats, 10 are better',
  },
  'cluster.lease-ttl': {
    schema: wholeSecondsSchema,
    placeholder: 'DURATION',
    fallback: '3s',
    help:
      'A node that has been silent for so long is taken to be gone; whole seconds, and no less than ' +
      'one and a half cluster.election-timeout, to which etcd raises it',
  },
  'cluster.observer': {
    ...SWITCH,
    help: 'Follow without counting: no vote and no etcd, for remote sites',
  },
  'cluster.etcd-binary': {
    schema: z.string().min(1),
    placeholder: 'FILE',
    fallback: 'etcd',
    help: 'The etcd (3.5.30 or later) that this node starts and supervises; a path, or a name on the PATH',
  },
  'cluster.etcd-peer-url': {
    ...HTTPS_URL,
    otherwise: 'the host of cluster.peer-url and its port + 1',
    help: 'Where the etcd of this node is reached by those of the others',
  },
  'cluster.etcd-client-url': {
    ...HTTPS_URL,
    otherwise: 'the host of cluster.peer-url and its port + 2',
    help: 'Where the etcd of this node is reached by the nodes',
  },
  'cluster.endpoints': {
    schema: endpointsSchema,
    placeholder: 'https://HOST:PORT,...',
    fallback: undefined,
    otherwise: 'each node starts an etcd of its own',
    help: 'Members of an etcd of yours that is used in place of one started here',
  },
  'cluster.tls.ca-file': {
    ...FILE,
    otherwise: 'the authorities that Node.js knows',
    help: 'PEM file with the authorities of the certificates of cluster.endpoints',
  },
  'cluster.tls.cert-file': {
    ...FILE,
    otherwise: 'no certificate is shown to cluster.endpoints',
    help: 'PEM certificate shown to cluster.endpoints; needs cluster.tls.key-file',
  },
  'cluster.tls.key-file': { ...FILE, help: 'PEM private key of cluster.tls.cert-file' },
  'log.level': {
    ...choice(['debug', 'info', 'warn', 'error']),
    fallback: 'info',
    help: 'The least serious lines that are written',
  },
  'log.format': {
    ...choice(['auto', 'pretty', 'json']),
    fallback: 'auto',
    help: 'How log lines look; auto is pretty on a terminal and JSON elsewhere',
  },
} as const satisfies Record<string, KeySpec>

export type Key = keyof typeof KEYS

type Value<K extends Key> =
  | z.output<(typeof KEYS)[K]['schema']>
  | ((typeof KEYS)[K]['fallback'] extends string ? never : undefined)

/** All settings, each under its own name. */
export type Config = { readonly [K in Key]: Value<K> }

export const KEY_NAMES = Object.keys(KEYS) as readonly Key[]

export function keySpec(key: Key): KeySpec {
  return KEYS[key]
}

export function isKey(name: string): name is Key {
  return Object.hasOwn(KEYS, name)
}

/** `source.start-at` to `--source-start-at`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll('.', '-')}`
}

/** `source.start-at` to `KINGBUS_SOURCE_START_AT`. */
export function variableOf(key: string): string {
  return `KINGBUS_${key.replaceAll(/[.-]/g, '_').toUpperCase()}`
}
