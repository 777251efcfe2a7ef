import { OperationalError } from '../../lib/index.ts'

/** Where a node answers, by its peer URL. */
export interface LinkAddress {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/

/** Throws OperationalError E_CONFIG_INVALID for what is no peer URL: without TLS a link stays on its machine. */
export function linkAddressOf(url: URL): LinkAddress {
  const isSecure = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (!isSecure && url.protocol !== 'http:') {
    throw invalid(`${url.href} begins with neither https nor http`)
  }
  if (!isSecure && !LOOPBACK.test(host)) {
    throw invalid(`${url.href} leaves this machine without TLS: write https`)
  }
  return { host, port: Number(url.port || (isSecure ? 443 : 80)), isSecure }
}

function invalid(message: string): OperationalError {
  return new OperationalError('E_CONFIG_INVALID', `a peer URL cannot be used: ${message}`)
}
