import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atExit } from './child.ts'

/** The checkout's own folder. */
export const projectFolder = fileURLToPath(new URL('../../..', import.meta.url))

/** What may be kept between runs; ignored by git. */
export const cacheFolder = join(projectFolder, '.cache')

/** The folder whose `bin/` has MySQL's programs (scripts/get-mysql, or one of the user's own). */
export function mysqlProgram(name: string): string {
  const folder = process.env['KINGBUS_MYSQL_DIR'] ?? join(cacheFolder, 'mysql')
  return join(folder, 'bin', name)
}

/** The folder whose `bin/` has etcd's programs (scripts/get-etcd, or one of the user's own). */
export function etcdProgram(name: string): string {
  const folder = process.env['KINGBUS_ETCD_DIR'] ?? join(cacheFolder, 'etcd')
  return join(folder, 'bin', name)
}

/** The folder of MariaDB's programs and files (scripts/get-mariadb). */
export function mariadbFolder(): string {
  return process.env['KINGBUS_MARIADB_DIR'] ?? join(cacheFolder, 'mariadb')
}

export function mariadbProgram(name: string): string {
  return join(mariadbFolder(), 'bin', name)
}

/** A program that makes or cuts off an XFS file system (scripts/get-xfsprogs, or of the user's own). */
export function xfsProgram(name: string): string {
  const folder = process.env['KINGBUS_XFSPROGS_DIR'] ?? join(cacheFolder, 'xfsprogs')
  return join(folder, 'bin', name)
}

/** Where packets are dropped and led to another place (scripts/get-nftables, or of the user's own). */
export function nftProgram(): string {
  return join(process.env['KINGBUS_NFTABLES_DIR'] ?? join(cacheFolder, 'nftables'), 'bin', 'nft')
}

/** A new folder for one run, removed when this process ends. KINGBUS_KEEP_FOLDERS=1 leaves it. */
export function makeRunFolder(name: string): string {
  const parent = process.env['KINGBUS_TEST_FOLDER'] ?? tmpdir()
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, `kingbus-${name}-`))
  if (process.env['KINGBUS_KEEP_FOLDERS'] === undefined) {
    atExit(() => rmSync(folder, { recursive: true, force: true }))
  }
  return folder
}
