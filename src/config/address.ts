/*
  HOST:PORT to listen on, and the URL of the source. IPv6 hosts stand in brackets: `[::1]:3390`.
*/

import { z } from 'zod'
import { OperationalError } from '../lib/index.ts'
import { CANDIDATES_MOST } from './limits.ts'

export interface Address {
  /** without brackets */
  readonly host: string
  readonly port: number
}

export interface SourceUrl extends Address {
  readonly user: string
}

/** where a MySQL server listens that nobody told otherwise */
export const MYSQL_PORT = 3306

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export function isSameAddress(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port
}

/** Whether only this machine can reach the address. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** To listen on all addresses of the machine; nobody can connect to it. */
export function isAnyAddress({ host }: Address): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || port > 65_535 ? undefined : { host, port }
}

/** Port 0 lets the system choose. */
export const addressSchema = z.string().transform((text, context): Address => {
  const address = parseAddress(text)
  if (address !== undefined) return address
  context.addIssue(`${JSON.stringify(text)} is not HOST:PORT, such as 0.0.0.0:3390 or [::]:3390`)
  return z.NEVER
})

/** @throws OperationalError E_SECRET_EXPOSED; the message never repeats the text */
function refusePassword(text: string): void {
  if (!/^[a-z0-9+.-]+:\/\/[^/@]*:[^/]*@/i.test(text)) return
  throw new OperationalError(
    'E_SECRET_EXPOSED',
    'source.url holds a password, which everybody on this machine could read: write ' +
      'mysql://USER@HOST and give the password in source.password-file or KINGBUS_SOURCE_PASSWORD',
  )
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    if (cause instanceof URIError) return undefined
    throw cause
  }
}

/** With the usual port where there is none. */
function parseServer(text: string): Address | undefined {
  const address = parseAddress(/:\d+$/.test(text) ? text : `${text}:${MYSQL_PORT}`)
  return address === undefined || address.port === 0 ? undefined : address
}

/** `HOST[:PORT],HOST[:PORT]`, none twice. */
export const candidatesSchema = z.string().transform((text, context): readonly Address[] => {
  const found = new Map<string, Address>()
  for (const part of text.split(',').map((each) => each.trim())) {
    const address = parseServer(part)
    if (address === undefined) context.addIssue(`${JSON.stringify(part)} is not HOST or HOST:PORT`)
    else if (found.has(formatAddress(address))) context.addIssue(`${part} is named twice`)
    else found.set(formatAddress(address), address)
  }
  if (found.size > CANDIDATES_MOST) {
    context.addIssue(`names ${found.size} servers: ${CANDIDATES_MOST} are the most`)
  }
  return [...found.values()]
})

export const sourceUrlSchema = z.string().transform((text, context): SourceUrl => {
  refusePassword(text)
  const match = /^mysql:\/\/([^@/]+)@([^/]+)\/?$/.exec(text)
  const user = decoded(match?.[1] ?? '%')
  const address = parseServer(match?.[2] ?? '')
  if (user !== undefined && address !== undefined) return { ...address, user }
  context.addIssue(`${JSON.stringify(text)} is not mysql://USER@HOST or mysql://USER@HOST:PORT`)
  return z.NEVER
})
