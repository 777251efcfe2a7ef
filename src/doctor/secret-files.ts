/*
  The files with passwords, tokens and users: read as a start reads them, and never shown.
*/
import { join } from 'node:path'
import {
  type Config,
  needsCertificate,
  readUsersFile,
  type Secrets,
  type UserEntry,
} from '../config/index.ts'
import { OperationalError } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import { type DoctorFinding, note, ok, problem, warning } from './checks.ts'

const REMEDY = 'as the message says; docs/reference/errors.md has the code'

export function secretsFinding(config: Config, secrets: Secrets | OperationalError): DoctorFinding {
  const id = 'secrets'
  if (secrets instanceof OperationalError) {
    return problem(id, `${secrets.message} [${secrets.code}]`, REMEDY)
  }
  if (config['source.url'] !== undefined && secrets.sourcePassword === '') {
    return note(
      id,
      'no password for the source is given, so an empty one is used',
      'set source.password-file or KINGBUS_SOURCE_PASSWORD',
    )
  }
  return ok(id, 'read, and hidden from others')
}

export async function usersFinding(config: Config, disk: Disk): Promise<DoctorFinding> {
  const path = config['serve.users-file'] ?? join(config['data-dir'], 'users.yaml')
  let entries: readonly UserEntry[]
  try {
    entries = await readUsersFile(disk, path)
  } catch (thrown) {
    if (!(thrown instanceof OperationalError)) throw thrown
    return problem('users', `${thrown.message} [${thrown.code}]`, REMEDY)
  }
  if (!entries.some(({ rights }) => rights.includes('replicate'))) {
    return warning(
      'users',
      `${path} has nobody who may replicate`,
      `kingbus user add NAME --users-file ${path}`,
    )
  }
  const certified = entries.find(needsCertificate)
  if (certified !== undefined && config['serve.client-ca-file'] === undefined) {
    return problem(
      'users',
      `${path} wants a certificate of ${certified.name}, and clients are not asked for one`,
      'set serve.client-ca-file to the authority of the certificates',
    )
  }
  const plain = entries.filter(({ password }) => password !== undefined).map(({ name }) => name)
  if (plain.length > 0) {
    return note(
      'users',
      `${path} has the password of ${plain.join(', ')} in clear`,
      'kingbus user remove NAME, then kingbus user add NAME: only a hash is written',
    )
  }
  return ok('users', `${entries.length} in ${path}`)
}
