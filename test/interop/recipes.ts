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
  const env = { GOPATH: join(INTEROP_CACHE, 'go', 'path'), GOFLAGS: '-modcacherw' }
  return {
    title,
    hasNames: name === 'canal',
    client: { name: `go-${name}`, program, args: [] },
    fetch: [{ program: 'go', args: ['mod', 'download'], folder, env }],
    build: [{ program: 'go', args: ['build', '-o', program, `./${name}`], folder, env }],
  }
}
