import { OperationalError } from '../lib/index.ts'

/** Why a file cannot be taken, and what to do. */
export function refused(path: string, why: string, options?: ErrorOptions): OperationalError {
  return new OperationalError('E_IMPORT_REFUSED', `${path}: ${why}`, { file: path }, options)
}
