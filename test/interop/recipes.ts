import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../e2e/harness/project.ts'
import type { ClientProgram } from './client.ts'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
}

/** How a client is had. */
export interface Recipe {
  readonly client: ClientProgram
  /** what it is made of, with its version */
  readonly title: string
  /** asks for the names of columns */
  readonly hasNames: boolean
  /** bring packages from a registry: where one fails, the client cannot be had here */
  readonly fetch: readonly Command[]
  /** make the program of what was fetched: must not fail */
  readonly build: readonly Command[]
}

/** Packages and programs; kept between runs. */
export const INTEROP_CACHE = join(cacheFolder, 'interop')

const CLIENTS = fileURLToPath(new URL('clients', import.meta.url))

/** Registries, mirrors and certificates are those of pip's, Go's and Maven's own settings on this machine. */
export const RECIPES: readonly Recipe[] = [
  python(),
  go('syncer', 'go-mysql 1.13.0, BinlogSyncer by GTID'),
  go('canal', 'go-mysql 1.13.0, canal by file and position'),
  java({
    name: 'binlog-client',
    title:
      'mysql-binlog-connector-java 0.30.1 (BinaryLogClient, as in Maxwell), by file and position',
    main: 'BinlogClient',
  }),
  java({
    name: 'binlog-client-debezium',
    title: "Debezium's mysql-binlog-connector-java 0.41.0 (BinaryLogClient), by GTID",
    main: 'BinlogClient',
    args: ['gtid'],
  }),
  java({
    name: 'debezium',
    title: 'Debezium 3.6.1, embedded engine, by GTID',
    main: 'DebeziumClient',
    hasNames: true,
  }),
  java({
    name: 'canal',
    title: 'canal 1.1.7, embedded server with tsdb, by file and position',
    main: 'CanalClient',
    hasNames: true,
  }),
]

function python(): Recipe {
  const folder = join(CLIENTS, 'python')
  const environment = join(INTEROP_CACHE, 'python')
  const bin = join(environment, 'bin')
  return {
    title: 'python-mysql-replication 1.0.17, by file and position',
    hasNames: true,
    client: { name: 'python', program: join(bin, 'python'), args: [join(folder, 'follow.py')] },
    fetch: [
      { program: 'python3', args: ['-m', 'venv', environment], folder },
      { program: join(bin, 'pip'), args: ['install', '-q', '-r', 'requirements.txt'], folder },
    ],
    build: [],
  }
}

function go(name: string, title: string): Recipe {
  const folder = join(CLIENTS, 'go')
  const program = join(INTEROP_CACHE, 'go', `follow-${name}`)
  const flags = [process.env['GOFLAGS'] ?? '', '-modcacherw'].join(' ').trim()
  const env = { GOPATH: join(INTEROP_CACHE, 'go', 'path'), GOFLAGS: flags }
  return {
    title,
    hasNames: name === 'canal',
    client: { name: `go-${name}`, program, args: [] },
    fetch: [{ program: 'go', args: ['mod', 'download'], folder, env }],
    build: [{ program: 'go', args: ['build', '-o', program, `./${name}`], folder, env }],
  }
}

interface JavaClient {
  /** also its folder, with the pom that names what it is made of */
  readonly name: string
  readonly title: string
  readonly main: string
  readonly args?: readonly string[]
  readonly hasNames?: boolean
}

function java({ name, title, main, args = [], hasNames = false }: JavaClient): Recipe {
  const folder = join(CLIENTS, 'java')
  const cache = join(INTEROP_CACHE, 'java')
  const jars = join(cache, name, 'jars')
  const classes = join(cache, name, 'classes')
  const resources = join(folder, name, 'resources')
  const sources = ['Follow.java', `${main}.java`]
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${jars}`]
  const maven = ['-B', '-q', `-Dmaven.repo.local=${join(cache, 'maven')}`, '-f', `${name}/pom.xml`]
  return {
    title,
    hasNames,
    client: {
      name,
      program: 'java',
      args: ['-Xmx512m', '-cp', [classes, resources, `${jars}/*`].join(':'), main, ...args],
    },
    fetch: [
      { program: 'javac', args: ['--version'], folder },
      { program: 'mvn', args: [...maven, ...goal], folder },
    ],
    build: [{ program: 'javac', args: ['-d', classes, '-cp', `${jars}/*`, ...sources], folder }],
  }
}
