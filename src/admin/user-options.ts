/*
  The options of a user between the users file and the HTTP API, which have the same with names of their own.
*/
import type { UserEntry, UserOptions } from '../config/index.ts'
import type { NewUser, UserStatus } from './settings-schemas.ts'

/** Those that were given; JSON leaves out the others. */
export function optionsOf(user: NewUser | UserStatus): UserOptions {
  return {
    'require-tls': user.requireTls,
    'require-certificate': user.requireCertificate,
    'require-subject': user.requireSubject ?? undefined,
    'require-issuer': user.requireIssuer ?? undefined,
    'tagged-gtids': user.taggedGtids,
  }
}

/** Never the password, nor its hash. */
export function statusOfUser(entry: UserEntry): UserStatus {
  return {
    name: entry.name,
    rights: [...entry.rights],
    requireTls: entry['require-tls'] ?? false,
    requireCertificate: entry['require-certificate'] ?? false,
    requireSubject: entry['require-subject'] ?? null,
    requireIssuer: entry['require-issuer'] ?? null,
    taggedGtids: entry['tagged-gtids'] ?? 'as-is',
  }
}
