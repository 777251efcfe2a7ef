/*
  What a user may have beside a name, a password and rights, as the users file has it. All may be left out.
*/
import { z } from 'zod'

/** As MySQL's REQUIRE SSL, X509, SUBJECT and ISSUER. */
export interface Requirements {
  readonly tls: boolean
  /** a certificate that an authority of serve.client-ca-file has signed */
  readonly certificate: boolean
  /** of that certificate, as `/CN=replica1`; undefined: any */
  readonly subject: string | undefined
  readonly issuer: string | undefined
}

/** Whether GTID events that not every client understands are sent as they are. */
export const TAGGED_GTIDS = ['as-is', 'hidden'] as const
export type TaggedGtids = (typeof TAGGED_GTIDS)[number]

export interface UserOptions {
  readonly 'require-tls'?: boolean | undefined
  readonly 'require-certificate'?: boolean | undefined
  readonly 'require-subject'?: string | undefined
  readonly 'require-issuer'?: string | undefined
  readonly 'tagged-gtids'?: TaggedGtids | undefined
}

/** A distinguished name as `openssl x509 -noout -subject -nameopt compat` prints it. */
const nameSchema = z
  .string()
  .max(1024)
  .regex(/^\/[^/=]+=[^\n]*$/, 'must be a name such as /C=SE/O=Example/CN=replica1')

export const userOptionFields = {
  'require-tls': z.boolean().optional(),
  'require-certificate': z.boolean().optional(),
  'require-subject': nameSchema.optional(),
  'require-issuer': nameSchema.optional(),
  'tagged-gtids': z.enum(TAGGED_GTIDS).optional(),
}

/** Whoever must have a certificate must have TLS, and whose certificate is named must have one. */
export function requirementsOf(options: UserOptions): Requirements {
  const subject = options['require-subject']
  const issuer = options['require-issuer']
  const named = subject !== undefined || issuer !== undefined
  const certificate = options['require-certificate'] === true || named
  return { tls: options['require-tls'] === true || certificate, certificate, subject, issuer }
}

export function needsCertificate(options: UserOptions): boolean {
  return requirementsOf(options).certificate
}

/** The options that are set, as text for people; empty when none is. */
export function describeOptions(options: UserOptions): string {
  const { tls, certificate, subject, issuer } = requirementsOf(options)
  const parts = [
    tls && !certificate ? 'requires TLS' : '',
    certificate ? 'requires a certificate' : '',
    subject === undefined ? '' : `of ${subject}`,
    issuer === undefined ? '' : `issued by ${issuer}`,
    options['tagged-gtids'] === 'hidden' ? 'tagged GTIDs hidden' : '',
  ]
  return parts.filter((part) => part !== '').join(', ')
}
